# SPDX-License-Identifier: MIT
"""`slicebridge replay`: look at a recording, or prove that it happens again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from pybridge.cli.run import progress_line
from pybridge.errors import SliceBridgeError

if TYPE_CHECKING:
    from pybridge.recording import Recording

SHOWN_KPMS = {
    "x.offered_kbps": "offered",
    "x.goodput_kbps": "goodput",
    "x.packet_delay_ms": "delay",
    "x.hol_delay_ms": "head of line",
    "x.prb_used_ratio": "PRBs used",
}
"""Means over the recording are shown of these, per slice, under these titles."""


class ReplayDiffers(SliceBridgeError):
    """A rerun did not give the bits that were recorded."""

    exit_code = 1


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", is_flag=True, help="Simulate again with the recorded actions and compare every bit.")
@click.option("--summary", is_flag=True, help="Print what it holds, as is done where there is no terminal.")
def replay(file: Path, check: bool, summary: bool) -> None:
    """Go through a recording, back and forth; ns-3 is not needed. Keys: `?`.

    With --check, prove that it happens again, bit for bit.

    \b
    Examples:
      slicebridge replay mw.slbrec
      slicebridge replay --summary mw.slbrec
      slicebridge replay --check mw.slbrec
    """
    from pybridge.debug.terminal import is_terminal
    from pybridge.recording import Recording

    recording = Recording(file)
    if check:
        _check(recording)
    elif summary or not is_terminal() or len(recording) == 0:
        _show(recording)
    else:
        _open(recording)


def _open(recording: Recording) -> None:
    from pybridge.debug.playback import Playback
    from pybridge.debug.terminal import run_on_terminal

    run_on_terminal(Playback(recording))


def _check(recording: Recording) -> None:
    from pybridge.recording import check_recording

    duration_s = float(recording.time_s[-1]) if len(recording) else 0.0
    with progress_line(duration_s) as progress:
        difference = check_recording(recording, progress=progress)
    if difference is not None:
        hint = _other_build(recording)
        raise ReplayDiffers(f"{recording.path}: the rerun differs at {difference}" + (f"\n{hint}" if hint else ""))
    click.echo(f"{recording.path}: {len(recording)} steps, {duration_s:g} s: the rerun gives the same bits")


def _other_build(recording: Recording) -> str:
    """What else is different, if the simulation program is another one."""
    from pybridge.manifest import sha256_of
    from pybridge.process import find_binary

    recorded = recording.description["program"]["sha256"]
    if recorded is None or recorded == sha256_of(find_binary()):
        return ""
    commit = (recording.description["git"] or {}).get("commit", "unknown")
    return f"it was recorded with another build of the simulation program (commit {commit}, SHA-256 {recorded[:12]}…)"


def _show(recording: Recording) -> None:
    told = recording.description
    git = told["git"] or {"commit": "unknown", "dirty": False}
    schema, times_s = recording.schema, recording.time_s
    rows = [
        ("recorded", f"{told['started']} by slicebridge {told['versions']['slicebridge']}"),
        ("commit", git["commit"] + (" with changes" if git["dirty"] else "")),
        ("program", f"{told['program']['name']}, SHA-256 {told['program']['sha256']}"),
        ("seed", str(recording.seed)),
        ("decided by", told["built_in"] or "an agent"),
        ("levels", recording.levels),
        ("network", f"{schema.n_cells} cells, {schema.n_slices} slices, {schema.n_ues} UEs"),
        ("steps", f"{len(recording)}, {times_s[0]:g} to {times_s[-1]:g} s"),
        ("end", recording.end),
    ]
    console = Console(soft_wrap=True)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console.print(f"{name:{width}}  {value}", highlight=False, markup=False)
    if len(recording):
        console.print(_means(recording))


def _means(recording: Recording) -> Table:
    """Means over high-level periods, per slice over cells and time."""
    schema = recording.schema
    kpms = [kpm for kpm in SHOWN_KPMS if kpm in schema.slice_kpm_index]
    units = {kpm.name: kpm.unit for kpm in schema.slice_kpms}
    table = Table("slice", *(f"{SHOWN_KPMS[kpm]}\n({units[kpm]})" for kpm in kpms), box=None)
    periods = [o for o in recording if o.step > 0 and (o.high_decision or o.last)] or [recording.observation(0)]
    for place, info in enumerate(schema.slices):
        values = [np.array([o.kpm(kpm)[:, place] for o in periods]) for kpm in kpms]
        table.add_row(info.name, *(_mean(part) for part in values))
    return table


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> str:
    known = values[~np.isnan(values)]
    return f"{known.mean():.4g}" if known.size else "–"
