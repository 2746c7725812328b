# SPDX-License-Identifier: MIT
"""Python tests, one folder per part; benchmarks are in tests/bench."""
