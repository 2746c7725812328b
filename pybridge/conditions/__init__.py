# SPDX-License-Identifier: MIT
"""Conditions on the state of a network, as text: `slice[urllc].x.hol_delay_ms > 8` (docs/conditions.md).

Text becomes a tree by a grammar of its own, and the tree is walked; nothing is ever given to Python's compiler.
"""

from pybridge.conditions.binding import Condition, compile_condition
from pybridge.conditions.syntax import ConditionError

__all__ = ["Condition", "ConditionError", "compile_condition"]
