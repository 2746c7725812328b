# SPDX-License-Identifier: MIT
"""Goes through the rules of docs/protocol.md, one by one, with a simulation that somebody else wrote."""

from pybridge.conformance.rules import RULES, Rule, Verdict, examine

__all__ = ["RULES", "Rule", "Verdict", "examine"]
