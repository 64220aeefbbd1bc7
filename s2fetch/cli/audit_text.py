"""An audit as a table, as JSON and as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import msgspec

from s2fetch.cli.text import counted, printable, sentence, time_shown
from s2fetch.sync.audit import AuditReport, Coverage, Gap
from s2fetch.units import format_size

MOST_ROWS = 31
"""More days or tiles than this are shown only where something is missing."""
MOST_GAPS = 20
"""Gaps listed by name; ``--json`` has more of them, ``--csv`` all."""
_COLUMNS = (
    *("row", "day", "tile", "id", "name", "reason", "since", "detail"),
    *("listed", "complete", "waiting", "missing"),
)
_BATCH = 100


def audit_json(report: AuditReport) -> str:
    """One JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


class AuditCsv:
    """Writes the rows as they come.

    Args:
        write: Called with some lines at a time, without the newline of the last.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._buffer = io.StringIO()
        self._rows = csv.writer(self._buffer, lineterminator="\n")
        self._waiting = 0
        self._row(_COLUMNS)

    def gap(self, gap: Gap) -> None:
        """Write one gap."""
        self._row(
            ("gap", gap.day, gap.tile, gap.id, gap.name, gap.reason, gap.since, gap.detail)
            + ("",) * 4
        )

    def finish(self, report: AuditReport) -> None:
        """Write days, tiles and the sum."""
        for day in report.days:
            self._coverage("day", day.key, "", day)
        for tile in report.tiles:
            self._coverage("tile", "", tile.key, tile)
        waiting = report.reasons.get("waiting", 0)
        missing = report.listed - report.complete - waiting
        total = Coverage(
            key="",
            listed=report.listed,
            complete=report.complete,
            waiting=waiting,
            missing=missing,
        )
        self._coverage("all", "", "", total)
        self._flush()

    def _coverage(self, row: str, day: str, tile: str, found: Coverage) -> None:
        numbers = (found.listed, found.complete, found.waiting, found.missing)
        self._row((row, day, tile, *("",) * 5, *numbers))

    def _row(self, cells: tuple[object, ...]) -> None:
        self._rows.writerow(cells)
        self._waiting += 1
        if self._waiting >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if text := self._buffer.getvalue():
            self._write(text.removesuffix("\n"))
        self._buffer.seek(0)
        self._buffer.truncate()
        self._waiting = 0


def audit_text(report: AuditReport) -> str:
    """The sums, then days and tiles, then the first gaps."""
    share = f" ({report.complete / report.listed:.2%})" if report.listed else ""
    rows = [
        ("Archive", printable(report.archive)),
        ("Query", printable(report.query)),
        ("Listed", _amount(report.listed, report.listed_bytes)),
        ("Complete", f"{_amount(report.complete, report.complete_bytes)}{share}"),
    ]
    rows += [(reason, f"{count:,}") for reason, count in report.reasons.items() if count]
    if report.superseded:
        besides = f"{counted(report.superseded, 'product')} left out for better versions"
        rows.append(("Superseded", besides))
    if report.unselected:
        rows.append(("Not asked", f"{counted(report.unselected, 'product')} of other queries"))
    parts = [f"{name.capitalize() + ':':<14}{value}" for name, value in rows]
    parts += [f"Not in the catalogue: {printable(name)}" for name in report.missing_names]
    parts += _table("DAY", report.days) + _table("TILE", report.tiles)
    if report.gaps:
        parts += ["", "Gaps:", *(_line(gap) for gap in report.gaps[:MOST_GAPS])]
        every = sum(report.reasons.values())
        if every > MOST_GAPS:
            parts.append(f"  … and {every - MOST_GAPS:,} more")
    whole = report.exit_code == 0
    nothing = "" if report.listed else " The catalogue lists nothing that matches."
    parts += ["", f"The archive is {'complete' if whole else 'not complete'}.{nothing}"]
    return "\n".join(parts)


def _amount(count: int, size_bytes: int) -> str:
    return f"{counted(count, 'product')}, {format_size(size_bytes)}"


def _table(heading: str, found: list[Coverage]) -> list[str]:
    if not found:
        return []
    shown = found if len(found) <= MOST_ROWS else [c for c in found if c.complete < c.listed]
    lines = ["", f"{heading:<12}{'LISTED':>9}{'COMPLETE':>10}{'WAITING':>9}{'MISSING':>9}"]
    lines += [
        f"{printable(c.key):<12}{c.listed:>9,}{c.complete:>10,}{c.waiting:>9,}{c.missing:>9,}"
        for c in shown
    ]
    if hidden := len(found) - len(shown):
        first, last = printable(found[0].key), printable(found[-1].key)
        lines.append(f"{hidden:,} others between {first} and {last} are complete")
    return lines


def _line(gap: Gap) -> str:
    since = f" since {time_shown(gap.since)}" if gap.since else ""
    detail = f": {sentence(gap.detail)}" if gap.detail else ""
    return f"  {printable(gap.name)}: {gap.reason}{since}{detail}"
