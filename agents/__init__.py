# SPDX-License-Identifier: MIT
"""Learners and the policies they end in. Environments are known through Gymnasium's interface only."""
