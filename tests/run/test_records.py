# SPDX-License-Identifier: MIT
"""Records of known bytes become known tables; damaged ones are refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pybridge.records import (
    RecordError,
    controls_table,
    kpm_table,
    last_time_s,
    packets_table,
    read_raw,
    read_table,
    write_parquet,
)
from pybridge.scenario import parse_scenario
from pybridge.schema import Schema, parse_schema
from tests.run.fake_program import describe
from tests.scenario.scenario_factory import scenario_yaml

KEYS = [("time_ns", "<i8"), ("cell", "<i4"), ("slice", "<i4")]

SLICE_KPMS = {"RRU.PrbUsedDl": "%", "DRB.PdcpSduVolumeDL": "kbit"}


@pytest.fixture
def schema() -> Schema:
    """Two slices of two and one UEs, two slice KPMs, one UE KPM."""
    described = describe(json.loads(parse_scenario(scenario_yaml()).resolved_json()))
    described["slice_kpms"] = [{"name": name, "unit": unit, "type": "DER"} for name, unit in SLICE_KPMS.items()]
    described["ue_kpms"] = [{"name": "x.BufferBytes", "unit": "byte", "type": "SI"}]
    shapes = {"slice_high": [1, 2, 2], "slice_low": [1, 2, 2], "ue": [3, 1]}
    for tensor in described["state"]:
        tensor["shape"] = shapes.get(tensor["name"], tensor["shape"])
    return parse_schema(json.dumps(described))


def header(columns: list[tuple[str, str]], kind: str = "slicebridge-record/1") -> bytes:
    """Header line of a record file, padded to 64 bytes."""
    described = ", ".join(f'{{"name": "{name}", "dtype": "{dtype}"}}' for name, dtype in columns)
    line = f'{{"format": "{kind}", "columns": [{described}]}}'.encode()
    return line + b" " * (-(len(line) + 1) % 64) + b"\n"


def test_known_bytes(tmp_path: Path) -> None:
    path = tmp_path / "slices.raw"
    rows = struct.pack("<qiid", 100_000_000, 0, 1, 2.5) + struct.pack("<qiid", 200_000_000, 1, 0, -1e300)
    path.write_bytes(header([*KEYS, ("x.a", "<f8")]) + rows)
    table = read_table(path)
    assert table.columns == ["time_ns", "cell", "slice", "x.a"]
    assert table.dtypes == [pl.Int64, pl.Int32, pl.Int32, pl.Float64]
    assert table.rows() == [(100_000_000, 0, 1, 2.5), (200_000_000, 1, 0, -1e300)]


def test_no_rows_are_a_table_too(tmp_path: Path) -> None:
    path = tmp_path / "slices.raw"
    path.write_bytes(header(KEYS))
    assert read_table(path).shape == (0, 3)


DAMAGES = {
    "missing": (None, "cannot be read: No such file"),
    "empty": (b"", "has no header line"),
    "no newline": (b"{" * 100, "has no header line"),
    "no JSON": (b"hello" + b" " * 58 + b"\n", "not of slicebridge-record/1"),
    "JSON of another kind": (b"[1]" + b" " * 60 + b"\n", "not of slicebridge-record/1"),
    "another format": (header(KEYS, "slicebridge-record/2"), "'slicebridge-record/2'"),
    "a dtype that is none of ours": (header([("a", "<O")]), "dtypes other than"),
    "a column twice": (header([("a", "<f4"), ("a", "<f4")]), "a name twice"),
    "no columns": (header([]), "no columns"),
    "header not padded": (header(KEYS).rstrip() + b"\n", "not a multiple of 64"),
    "cut off": (header(KEYS) + bytes(16 + 5), "is cut off: 5 of 16 bytes"),
}


@pytest.mark.parametrize(("content", "words"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "slices.raw"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=words) as caught:
        read_raw(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_kpm_of_slices_and_ues_in_long_format(tmp_path: Path, schema: Schema) -> None:
    columns = [*KEYS, ("RRU.PrbUsedDl", "<f8"), ("DRB.PdcpSduVolumeDL", "<f8")]
    (tmp_path / "slices.raw").write_bytes(header(columns) + struct.pack("<qiidd", 100_000_000, 0, 1, 40.0, 7.0))
    columns = [("time_ns", "<i8"), ("ue", "<i4"), ("cell", "<i4"), ("x.BufferBytes", "<f8")]
    (tmp_path / "ues.raw").write_bytes(header(columns) + struct.pack("<qiid", 100_000_000, 2, 0, 512.0))
    assert kpm_table(tmp_path, schema).rows() == [
        (0.1, 0, "urllc", None, "RRU.PrbUsedDl", 40.0, "%"),
        (0.1, 0, "urllc", None, "DRB.PdcpSduVolumeDL", 7.0, "kbit"),
        (0.1, 0, "urllc", 2, "x.BufferBytes", 512.0, "byte"),
    ]


def test_a_kpm_that_the_schema_has_and_the_file_lacks_is_named(tmp_path: Path, schema: Schema) -> None:
    (tmp_path / "slices.raw").write_bytes(header([*KEYS, ("RRU.PrbUsedDl", "<f8")]))
    with pytest.raises(RecordError, match=r"lacks the columns DRB\.PdcpSduVolumeDL"):
        kpm_table(tmp_path, schema)


def test_a_slice_that_the_schema_lacks_is_named(tmp_path: Path, schema: Schema) -> None:
    columns = [*KEYS, ("requested_min", "<f4")]
    (tmp_path / "controls.raw").write_bytes(header(columns) + struct.pack("<qiif", 1, 0, 9, 0.5))
    with pytest.raises(RecordError, match=r"controls\.raw: .*slice.*9"):
        controls_table(tmp_path, schema)


def test_controls_by_slice_name(tmp_path: Path, schema: Schema) -> None:
    columns = [*KEYS, ("requested_min", "<f4")]
    (tmp_path / "controls.raw").write_bytes(header(columns) + struct.pack("<qiif", 1_500_000_000, 0, 1, 0.5))
    assert controls_table(tmp_path, schema).to_dicts() == [
        {"time_s": 1.5, "cell": 0, "slice": "urllc", "requested_min": 0.5}
    ]


def test_packets_one_by_one(tmp_path: Path, schema: Schema) -> None:
    names = ["sent_ns", "delay_ns", "ue", "slice", "cell", "bytes", "fate"]
    columns = [(name, "<i8" if name.endswith("_ns") else "<i4") for name in names]
    rows = b"".join(struct.pack("<qqiiiii", 5, -1, 0, 0, 0, 255, fate) for fate in range(4))
    (tmp_path / "packets.raw").write_bytes(header(columns) + rows)
    table = packets_table(tmp_path, schema)
    assert table is not None
    assert table["fate"].to_list() == ["delivered", "dropped", "lost", "pending"]
    assert table.row(0) == (5, -1, 0, "embb", 0, 255, "delivered")


def test_no_packets_no_table(tmp_path: Path, schema: Schema) -> None:
    assert packets_table(tmp_path, schema) is None


def test_the_last_time_of_a_growing_file(tmp_path: Path) -> None:
    path = tmp_path / "slices.raw"
    assert last_time_s(path) == 0.0
    whole = header(KEYS)
    path.write_bytes(whole[:20])
    assert last_time_s(path) == 0.0
    path.write_bytes(whole)
    assert last_time_s(path) == 0.0
    rows = b"".join(struct.pack("<qii", epoch * 100_000_000, 0, 0) for epoch in (1, 2, 3))
    path.write_bytes(whole + rows[:-4])
    assert last_time_s(path) == pytest.approx(0.2)


def test_equal_tables_give_equal_bytes_whatever_their_chunks(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(600_000)
    whole = pl.DataFrame({"name": ["a", "b"] * 300_000, "value": values})
    parts = pl.concat([whole[:17], whole[17:400_000], whole[400_000:]], rechunk=False)
    for table, name in ((whole, "whole"), (parts, "parts"), (whole.clone(), "again")):
        write_parquet(table, tmp_path / name)
    content = {(tmp_path / name).read_bytes() for name in ("whole", "parts", "again")}
    assert len(content) == 1
    assert pl.read_parquet(tmp_path / "parts").equals(whole)
