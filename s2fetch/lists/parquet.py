"""Lists in Parquet: GeoParquet of s2fetch and of others."""

from __future__ import annotations

from s2fetch.errors import UsageError
from s2fetch.lists.rows import ID_KEYS, NAME_KEYS, URL_KEYS, Collector

MAGIC = b"PAR1"
"""How Parquet files begin."""


def read_parquet(data: bytes, into: Collector) -> None:
    """Take the product of every row.

    Raises:
        UsageError: pyarrow is not installed.
        QueryError: The file is broken, or has no column that names products.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UsageError(
            f"{into.place} is Parquet, and the library that reads it is not installed",
            advice="Install it with pip install 's2fetch[parquet]'",
        ) from error
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        known = [key for key in (*NAME_KEYS, *ID_KEYS, *URL_KEYS) if key in file.schema_arrow.names]
        if not known:
            raise into.wrong("", "it has no column name or id")
        number = 0
        for batch in file.iter_batches(columns=known):
            for row in batch.to_pylist():
                number += 1
                into.add_fields(row, f"row {number}")
    except (pa.ArrowException, OSError) as error:
        raise into.wrong("", f"it cannot be read as Parquet ({error})") from error
