# SPDX-License-Identifier: MIT
"""Raw records of a simulation (docs/records.md) to tables and Parquet files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pybridge.errors import SliceBridgeError
from pybridge.schema import Kpm, Schema

FORMAT = "slicebridge-record/1"
DTYPES = frozenset({"<i4", "<i8", "<f4", "<f8"})
HEADER_ALIGNMENT_BYTES = 64
HEADER_MAX_BYTES = 1 << 20
FATES = ("delivered", "dropped", "lost", "pending")
"""Names of the codes 0..3 in the column `fate`."""


class RecordError(SliceBridgeError):
    """A record file is missing, damaged or not of the format of docs/records.md."""


def read_raw(path: Path) -> NDArray[np.void]:
    """Rows of a raw record file, shape (rows,), a structured array with the file's column names.

    Raises `RecordError` if the file is missing, its header is not that of docs/records.md, or its last row is cut off.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    end = content.find(b"\n", 0, HEADER_MAX_BYTES) + 1
    if not end:
        raise RecordError(f"{path}: has no header line")
    row = _row_type(path, content[:end])
    body = len(content) - end
    if body % row.itemsize:
        raise RecordError(f"{path}: is cut off: {body % row.itemsize} of {row.itemsize} bytes in its last row")
    return np.frombuffer(content, dtype=row, offset=end)


def _row_type(path: Path, header: bytes) -> np.dtype[np.void]:
    try:
        described = json.loads(header)
        if described["format"] != FORMAT:
            raise RecordError(f"{path}: has format {described['format']!r}, this version reads {FORMAT!r}")
        columns = [(str(column["name"]), str(column["dtype"])) for column in described["columns"]]
    except (ValueError, KeyError, TypeError):
        raise RecordError(f"{path}: has a header that is not of {FORMAT}") from None
    unknown = {dtype for _, dtype in columns} - DTYPES
    if unknown or not columns or len({name for name, _ in columns}) != len(columns):
        raise RecordError(f"{path}: has a header with no columns, a name twice, or dtypes other than {sorted(DTYPES)}")
    if len(header) % HEADER_ALIGNMENT_BYTES:
        raise RecordError(f"{path}: has a header of {len(header)} bytes, not a multiple of {HEADER_ALIGNMENT_BYTES}")
    return np.dtype(columns)


def last_time_s(path: Path) -> float:
    """Time of the last whole row of a file that is still being written, in seconds; 0 while there is none."""
    try:
        with path.open("rb") as file:
            header = file.readline(HEADER_MAX_BYTES)
            row = _row_type(path, header)
            count = (file.seek(0, os.SEEK_END) - len(header)) // row.itemsize
            if count < 1:
                return 0.0
            file.seek(len(header) + (count - 1) * row.itemsize)
            return float(np.frombuffer(file.read(row.itemsize), dtype=row)["time_ns"][0]) / 1e9
    except (OSError, RecordError):
        return 0.0


def read_table(path: Path) -> pl.DataFrame:
    """A raw record file as a table with the file's own columns. Raises `RecordError` as `read_raw` does."""
    rows = read_raw(path)
    return pl.DataFrame({name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()})


def kpm_table(folder: Path, schema: Schema) -> pl.DataFrame:
    """KPM of `slices.raw` and, where there is one, `ues.raw` in long format.

    Columns: time_s (end of the period, since the end of warm-up), cell (index), slice (name), ue (index, null for rows
    of a slice), name, value, unit. Raises `RecordError`.
    """
    names = _slice_names(schema)
    slices = _named(_long(folder / "slices.raw", schema.slice_kpms), "slice", names, folder / "slices.raw")
    parts = [slices.with_columns(pl.lit(None, pl.Int32).alias("ue"))]
    if (folder / "ues.raw").exists():
        ue_slice = [names[index] for index in schema.ue_slice]
        ues = _long(folder / "ues.raw", schema.ue_kpms).with_columns(pl.col("ue").alias("slice"))
        parts.append(_named(ues, "slice", ue_slice, folder / "ues.raw"))
    columns = ["time_s", "cell", "slice", "ue", "name", "value", "unit"]
    return pl.concat([part.select(columns) for part in parts])


def _long(path: Path, kpms: Sequence[Kpm]) -> pl.DataFrame:
    table = read_table(path)
    names = [kpm.name for kpm in kpms]
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise RecordError(f"{path}: lacks the columns {', '.join(missing)} of the schema")
    keys = [column for column in table.columns if column not in names]
    units = pl.DataFrame({"name": names, "unit": [kpm.unit for kpm in kpms]})
    long = table.unpivot(on=names, index=keys, variable_name="name", value_name="value")
    return long.join(units, on="name", maintain_order="left").with_columns(_time_s())


def controls_table(folder: Path, schema: Schema) -> pl.DataFrame:
    """`controls.raw`: time_s, cell, slice (name), requested_*, projected_*, achieved_*. Raises `RecordError`."""
    path = folder / "controls.raw"
    table = _named(read_table(path), "slice", _slice_names(schema), path)
    return table.select(_time_s(), "cell", "slice", pl.exclude("time_ns", "cell", "slice"))


def packets_table(folder: Path, schema: Schema) -> pl.DataFrame | None:
    """`packets.raw` with slices and fates by name; None if packets were not recorded. Raises `RecordError`.

    Mode `all`: sent_ns, delay_ns (-1 if it did not arrive), ue, slice, cell, bytes, fate (one of `FATES`).
    Mode `summary`: slice, delay_upper_ns (-1 not arrived, -2 still on the way), count.
    """
    path = folder / "packets.raw"
    if not path.exists():
        return None
    table = _named(read_table(path), "slice", _slice_names(schema), path)
    return _named(table, "fate", FATES, path) if "fate" in table.columns else table.drop("pad")


def _time_s() -> pl.Expr:
    return (pl.col("time_ns") / 1e9).alias("time_s")


def _named(table: pl.DataFrame, column: str, names: Sequence[str], path: Path) -> pl.DataFrame:
    """Indices of a column replaced by names."""
    strange = table.filter((pl.col(column) < 0) | (pl.col(column) >= len(names)))[column]
    if len(strange):
        raise RecordError(f"{path}: has {column} {strange[0]}, the schema knows 0..{len(names) - 1}")
    return table.with_columns(pl.col(column).replace_strict(dict(enumerate(names)), return_dtype=pl.String))


def _slice_names(schema: Schema) -> list[str]:
    return [item.name for item in schema.slices]


def write_parquet(table: pl.DataFrame, path: Path) -> None:
    """Write `table` so that equal tables give equal bytes (one thread's worth of chunks, fixed row groups)."""
    table.rechunk().write_parquet(
        path, compression="zstd", compression_level=3, statistics=True, row_group_size=1 << 18
    )
