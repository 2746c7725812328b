# SPDX-License-Identifier: MIT
"""The script in docs/debugging.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("simulation_program")

MANUAL = Path(__file__).parents[2] / "docs" / "debugging.md"


def test_the_script_of_the_manual_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(script, str(MANUAL), "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("x.goodput_kbps", "urllc", "[["))
    assert (tmp_path / "urllc.png").read_bytes().startswith(b"\x89PNG")
