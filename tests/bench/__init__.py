# SPDX-License-Identifier: MIT
"""Benchmarks: every module `bench_*.py` here has `run() -> dict[str, float]`; `make bench` runs them all."""
