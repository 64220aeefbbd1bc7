"""Opens a list and finds out what it is, from what is in it and not from its name."""

from __future__ import annotations

import sys
from pathlib import Path

from s2fetch.errors import QueryError
from s2fetch.lists.features import read_json
from s2fetch.lists.parquet import MAGIC, read_parquet
from s2fetch.lists.rows import STDIN, Collector, ProductList
from s2fetch.lists.tables import read_lines, read_text


def read_list(path: Path) -> ProductList:
    """The products of a list in any form that s2fetch writes, and some that others write.

    GeoJSON (of s2fetch, sentinelsat and eodag), STAC item collections, JSON lines, answers of a
    catalogue (OData), CSV with a header, CSO's tables, GeoParquet, lines that have names, URLs or
    identifiers.

    Args:
        path: A file, or `STDIN`.

    Raises:
        QueryError: It cannot be read, is broken (says where) or holds no products.
        UsageError: A library that it takes is not installed.
    """
    into = Collector(path)
    data = _read(path, into)
    if data.startswith(MAGIC):
        read_parquet(data, into)
    elif data.lstrip(b" \r\n").startswith((b"{", b"[")):  # after a tab: a cell of a line
        try:
            read_json(data, into)
        except RecursionError as error:
            raise into.wrong("", "it is nested too deeply for a list") from error
    else:
        read_text(_decoded(data, into), into)
    return into.listed()


def read_names(path: Path) -> ProductList:
    """The products of a file with one on each line; # begins a comment.

    Args:
        path: A file, or `STDIN`.

    Raises:
        QueryError: It cannot be read, a line is no name (says which), or it holds none.
    """
    into = Collector(path)
    read_lines(_decoded(_read(path, into), into), into)
    return into.listed()


def _read(path: Path, into: Collector) -> bytes:
    try:
        data = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    except (OSError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "there is none"
        raise QueryError(f"cannot read {into.place}: {reason}") from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _decoded(data: bytes, into: Collector) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise into.wrong(f"line {line}", "it is not UTF-8 text") from error
