# SPDX-License-Identifier: MIT
"""Campaigns: files that name methods, seeds, sizes and mixes, and the code that plans, runs and resumes them."""
