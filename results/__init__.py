# SPDX-License-Identifier: MIT
"""Metrics, tables, figures and reports of finished campaigns."""
