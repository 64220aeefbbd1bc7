"""Lists in text: tables with a header (comma, semicolon or tab), and lines.

Sources: RFC 4180; the inquiry and listing tables of CSO, whose cells may be padded with blanks; the
tables without a header and lists of failures that dhusget and sentinelsat write.
"""

from __future__ import annotations

import csv
import io
import re

from s2fetch import naming
from s2fetch.lists.rows import ID_KEYS, NAME_KEYS, URL_KEYS, Collector, is_identifier

_COLUMNS = frozenset((*NAME_KEYS, *ID_KEYS, *URL_KEYS))
_DELIMITERS = (",", ";", "\t")
_WORDS = re.compile(r"[^\s,;\"]+")
_AROUND = re.compile(
    r"-{3,}|Found [\d,]+ products?|[\d,]+ scenes? found with a total size of .*", re.IGNORECASE
)
"""Lines around the products that sentinelsat prints."""
_LONGEST_CELL = 1 << 24
"""Characters; footprints of whole orbits are long."""


def read_text(text: str, into: Collector) -> None:
    """Take every product of a table or of lines.

    Raises:
        QueryError: The table is broken, or a row has no product.
    """
    header = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in _DELIMITERS:
        columns = [cell.strip().strip('"').lower() for cell in header.split(delimiter)]
        named = len(columns) > 1 or header.strip() in _COLUMNS
        if named and _COLUMNS.intersection(columns) and not any(map(naming.parse, columns)):
            _read_table(text, delimiter, columns, into)
            return
    read_lines(text, into)


def read_lines(text: str, into: Collector) -> None:
    """Take one product from each line; what begins with # is a comment.

    Of several cells with tabs between, it is the first that is a name, else the first word of the
    line that is one, else the first cell or word that is an identifier, else the first cell.

    Raises:
        QueryError: A line has no product.
    """
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if any(cells) and not _is_comment(line, cells):
            into.add_cell(_best(cells, _WORDS.findall(line)), f"line {number}")


def _is_comment(line: str, cells: list[str]) -> bool:
    """After an empty cell, a # may be what another field says of the product."""
    text = line.strip()
    if not text.startswith("#"):
        return _AROUND.fullmatch(text) is not None
    return line.lstrip(" ").startswith("#") or all(naming.parse(cell) is None for cell in cells)


def _best(cells: list[str], words: list[str]) -> str:
    """Names before identifiers, which may be those of another hub."""
    names = (cell for cell in (*cells, *words) if naming.parse(cell) is not None)
    identifiers = filter(is_identifier, (*cells, *words))
    return next(names, None) or next(identifiers, cells[0])


def _read_table(text: str, delimiter: str, columns: list[str], into: Collector) -> None:
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header_seen = False
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if not header_seen:
                header_seen = True
            elif len(row) != len(columns):
                what = f"there are {len(row)} cells instead of {len(columns)}"
                raise into.wrong(f"line {rows.line_num}", what)
            else:
                into.add_fields(dict(zip(columns, row, strict=True)), f"line {rows.line_num}")
    except csv.Error as error:
        raise into.wrong(f"line {rows.line_num}", f"it is no row of a table ({error})") from error
