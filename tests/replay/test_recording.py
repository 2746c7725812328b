# SPDX-License-Identifier: MIT
"""Recordings of a simulation written from docs/protocol.md: what is kept, what is refused, what a failure leaves."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pybridge.cli import main
from pybridge.envs import SliceEnv
from pybridge.errors import SimulationDied
from pybridge.low_policy import LowPolicy
from pybridge.observation import Action, Observation
from pybridge.recording import Recorder, Recording, RecordingError, check_recording
from pybridge.recording.container import MAGIC
from pybridge.recording.low_policy import low_policy_from_json, low_policy_to_json
from pybridge.schema import Levels
from pybridge.session import Session
from pybridge.wire import Header, MessageType
from tests.link.scenario import TestScenario, fake
from tests.link.test_conditions import schema

ROOT = Path(__file__).parents[2]


def play(file: Path, levels: Levels = "high", epochs: int = 5, **options: Any) -> tuple[list[Observation], list[bytes]]:
    """Records an episode of random actions; what was seen and sent."""
    rng = np.random.default_rng(3)
    sent = []
    with Session(TestScenario(epochs=epochs), levels=levels, program=fake(), record=file, **options) as session:
        seen = [session.reset()]
        action = session.action()
        while not seen[-1].last:
            action.prb_policy[...] = rng.random(action.prb_policy.shape)
            if action.ue_weight is not None:
                action.ue_weight[...] = 1.0 + rng.random(action.ue_weight.shape)
            sent.append(action.flat.tobytes())
            seen.append(session.step(action))
    return seen, sent


@pytest.mark.parametrize("levels", ["high", "both"])
def test_everything_seen_and_sent_comes_back_bit_for_bit(tmp_path: Path, levels: Levels) -> None:
    seen, sent = play(tmp_path / "a.slbrec", levels)
    recording = Recording(tmp_path / "a.slbrec")
    assert len(recording) == len(seen)
    for step in reversed(range(len(seen))):  # any order
        kept = recording.observation(step)
        assert kept.body.tobytes() == seen[step].body.tobytes()
        assert (kept.step, kept.time_ns, kept.header.flags) == (step, seen[step].time_ns, seen[step].header.flags)
        action = recording.action(step)
        assert (None if action is None else action.flat.tobytes()) == (sent[step] if step < len(sent) else None)
    assert recording.time_s.tolist() == [observation.time_s for observation in seen]
    assert (recording.end, recording.seed, recording.levels) == ("complete", 1, levels)
    assert recording.schema == seen[0].schema
    assert recording.scenario_json == TestScenario().resolved_json()
    assert recording.description["versions"]["slicebridge"]
    assert recording.description["program"]["sha256"] == hashlib.sha256(Path(sys.executable).read_bytes()).hexdigest()


def test_steps_by_number_and_by_time(tmp_path: Path) -> None:
    seen, _ = play(tmp_path / "a.slbrec")
    recording = Recording(tmp_path / "a.slbrec")
    assert recording.observation(-1).last
    assert [recording.step_at(observation.time_s) for observation in seen] == list(range(len(seen)))
    assert recording.step_at(-1.0) == 0
    assert recording.step_at(1e9) == len(seen) - 1
    assert [observation.step for observation in recording] == list(range(len(seen)))
    for step in (len(seen), -len(seen) - 1):
        with pytest.raises(IndexError, match=f"step {step} is not in this recording of {len(seen)} steps"):
            recording.observation(step)


def test_any_arrow_reader_opens_the_tables(tmp_path: Path) -> None:
    seen, _ = play(tmp_path / "a.slbrec")
    table = pl.read_ipc_stream(tmp_path / "a.slbrec")
    assert table["step"].to_list() == list(range(len(seen)))
    assert table["slice_high"].to_numpy().tolist() == [observation.slice_high.tolist() for observation in seen]
    assert table["acted"].to_list() == [True] * (len(seen) - 1) + [False]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40), steps=st.integers(1, 9))
def test_every_bit_pattern_of_a_float_is_kept(tmp_path: Path, words: list[int], steps: int) -> None:
    of = schema(cells=2)
    dtype = of.state_dtype("high")
    dtype_words = dtype.itemsize // 4
    recorder, bodies = None, []
    terms = {"scenario": "{}", "seed": 1, "built_in": None, "low_policy": None, "program": {}}
    for step in range(steps):
        flat = np.resize(np.array(words, np.uint32) + np.uint32(step), dtype_words).view(np.float32)
        padded = np.zeros_like(flat)
        for name in dtype.names or ():
            padded.view(dtype)[name] = flat.view(dtype)[name]
        observation = Observation(of, "high", Header(MessageType.STATE, step=step), padded, dtype)
        recorder = recorder or Recorder(tmp_path / "bits", observation, terms)
        recorder.observe(observation)
        recorder.act(Action(of, "high"))
        bodies.append(padded.tobytes())
    assert recorder is not None
    recorder.finish("complete")
    assert [observation.flat.tobytes() for observation in Recording(tmp_path / "bits")] == bodies


def test_batches_are_invisible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybridge.recording.recorder.BATCH_STEPS", 3)
    seen, _ = play(tmp_path / "a.slbrec", epochs=10)
    recording = Recording(tmp_path / "a.slbrec")
    assert recording.description["batches"][0]["rows"] == 3
    assert [kept.body.tobytes() for kept in recording] == [observation.body.tobytes() for observation in seen]
    assert pl.read_ipc_stream(tmp_path / "a.slbrec").height == len(seen)


def test_a_file_altered_in_any_byte_is_refused(tmp_path: Path) -> None:
    play(tmp_path / "a.slbrec")
    content = (tmp_path / "a.slbrec").read_bytes()
    altered = tmp_path / "b.slbrec"
    places = [*range(0, len(content), len(content) // 150), *range(len(content) - 50, len(content))]
    for place in places:
        altered.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(RecordingError, match="altered"):
            Recording(altered)


@pytest.mark.parametrize("kept", [0, 1, 40, 1000, -1, -8, -60])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    play(tmp_path / "a.slbrec")
    (tmp_path / "b.slbrec").write_bytes((tmp_path / "a.slbrec").read_bytes()[:kept])
    with pytest.raises(RecordingError, match="is no recording, or its end is missing"):
        Recording(tmp_path / "b.slbrec")


def test_a_file_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    text = json.dumps({"format": "slicebridge-recording/3", "versions": {"slicebridge": "9.1"}}).encode()
    body = text + len(text).to_bytes(8, "little")
    (tmp_path / "a").write_bytes(body + hashlib.sha256(body).digest() + MAGIC)
    with pytest.raises(RecordingError, match=r"'slicebridge-recording/3'.*'slicebridge-recording/2'.*9\.1"):
        Recording(tmp_path / "a")


def test_what_is_no_recording_is_said_on_one_line(tmp_path: Path) -> None:
    for what in (tmp_path / "missing", tmp_path):
        done = CliRunner().invoke(main, ["replay", str(what)])
        assert done.exit_code == 2
        assert "Traceback" not in done.output


def test_the_command_tells_what_a_recording_holds(tmp_path: Path) -> None:
    play(tmp_path / "a.slbrec")
    done = CliRunner().invoke(main, ["replay", str(tmp_path / "a.slbrec")])
    assert done.exit_code == 0, done.output
    for word in ("seed", "an agent", "2 cells, 3 slices, 6 UEs", "complete", "urllc", "goodput"):
        assert word in done.output


def test_an_episode_ended_early_is_recorded_as_far_as_it_went(tmp_path: Path) -> None:
    with Session(TestScenario(), program=fake(), record=tmp_path / "a") as session:
        session.reset()
        session.step()
    recording = Recording(tmp_path / "a")
    assert (len(recording), recording.end, recording.action(0) is None, recording.action(1)) == (
        2,
        "stopped",
        False,
        None,
    )


def test_a_simulation_that_dies_leaves_what_led_to_it(tmp_path: Path) -> None:
    with Session(TestScenario(), program=fake("die"), record=tmp_path / "a") as session:
        session.reset()
        session.step()
        with pytest.raises(SimulationDied):
            session.step()
    recording = Recording(tmp_path / "a")
    assert recording.end.startswith("failed: the simulation died")
    assert len(recording) == 2
    assert recording.action(1) is not None


def test_further_episodes_have_files_of_their_own(tmp_path: Path) -> None:
    with Session(TestScenario(), program=fake(), record=tmp_path / "a.slbrec") as session:
        for seed in (1, 2, 3):
            session.reset(seed=seed)
            session.step()
    names = ["a.slbrec", "a-episode-1.slbrec", "a-episode-2.slbrec"]
    assert [Recording(tmp_path / name).seed for name in names] == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_an_environment_records_too(tmp_path: Path) -> None:
    env = SliceEnv(TestScenario(), program=fake(), record=tmp_path / "a")
    env.reset()
    env.step(env.action_space.sample())
    env.close()
    assert len(Recording(tmp_path / "a")) == 2


KILLED = """
import os, signal, sys
from pybridge.session import Session
from tests.link.scenario import TestScenario, fake
with Session(TestScenario(), program=fake(), record=sys.argv[1]) as session:
    session.reset()
    session.step()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_no_file_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    file = tmp_path / "a.slbrec"
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert not file.exists()
    assert len(list(tmp_path.iterdir())) == 1
    play(file)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device")
def test_a_full_disk_ends_the_episode_with_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybridge.recording.recorder.BATCH_STEPS", 2)
    (tmp_path / f".a.{os.getpid()}.partial").symlink_to("/dev/full")
    monkeypatch.setattr("pybridge.recording.container._clear_killed", lambda path: None)
    with pytest.raises(RecordingError, match="a: cannot be written: No space left on device"):
        play(tmp_path / "a", epochs=10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/a", "."])
def test_a_place_that_takes_no_file_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match=r"cannot be written|is a directory"):
        play(tmp_path / place)


@pytest.mark.parametrize("levels", ["high", "both"])
def test_a_rerun_gives_the_same_bits(tmp_path: Path, levels: Levels) -> None:
    play(tmp_path / "a", levels)
    assert check_recording(Recording(tmp_path / "a"), program=fake()) is None


def test_the_first_difference_is_named(tmp_path: Path) -> None:
    """The peer's numbers follow from the actions: another action at step 1 shows at step 2 and not before."""
    play(tmp_path / "a")
    recording = Recording(tmp_path / "a")
    batch = recording._decode(0)
    batch.actions.flags.writeable = True
    batch.actions[1, 0] = 1.0 - batch.actions[1, 0]
    difference = check_recording(recording, program=fake())
    assert difference is not None
    assert (difference.step, difference.tensor) == (2, "slice_high")
    assert difference.element == "cell0, slice embb, x.prb_used_ratio"
    recorded, rerun = (float(text.split()[0]) for text in (difference.recorded, difference.rerun))
    assert recorded == pytest.approx(float(recording.observation(2).slice_high[0, 0, 0]))
    assert recorded != rerun
    assert "step 2" in str(difference)


def test_a_difference_of_one_bit_in_one_ue_is_found(tmp_path: Path) -> None:
    play(tmp_path / "a")
    recording = Recording(tmp_path / "a")
    states = recording._decode(0).states
    states.flags.writeable = True
    body = states[3].view(recording.observation(0).dtype)[0]
    body["ue"].view(np.uint32)[4, 2] ^= 1
    difference = check_recording(recording, program=fake())
    assert difference is not None
    assert (difference.step, difference.tensor, difference.element) == (3, "ue", "UE 4, x.delay_budget_ms")
    assert difference.recorded != difference.rerun


def test_a_low_level_policy_survives_json() -> None:
    rng = np.random.default_rng(1)

    def layer(n_in: int, n_out: int) -> tuple[Any, Any]:
        return rng.normal(size=(n_out, n_in)), rng.normal(size=n_out)

    context = np.array([0.5, -0.25], np.float32)
    policy = LowPolicy(
        encoder=[layer(9 + 6 + 2, 8)], head=[layer(25, 4), layer(4, 2)], context=context, activation="tanh", record=True
    )
    again = low_policy_from_json(json.loads(json.dumps(low_policy_to_json(policy))))
    assert again.weights().tobytes() == policy.weights().tobytes()
    assert again.description() == policy.description()
    assert again.context.tolist() == context.tolist()
