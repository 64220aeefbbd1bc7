"""The lines of the live view, as text of a given width."""

from __future__ import annotations

from s2fetch.cli.pace import format_left, share
from s2fetch.cli.progress import CheckShown, SlotShown, TotalShown
from s2fetch.cli.text import counted, short_name
from s2fetch.units import format_rate, format_size

MOST_COLUMNS = 120
"""Wider lines would only have more space between their parts."""
_NAME_COLUMNS = 65
_SHORT_NAME_COLUMNS = 33
_BAR_COLUMNS = 20


def slot_line(slot: SlotShown, width: int) -> str:
    """One slot: product, bar, size, rate, time left. Parts are dropped where there is no room."""
    width = min(width, MOST_COLUMNS)
    label = short_name(slot.label, 20)
    if not slot.name:
        return f"{label}  idle"[:width]
    percent = _percent(slot.position, slot.size)
    rate, left = f"{format_rate(slot.rate or 0.0):>9}", f"{format_left(slot.left):>7}"
    choices = (
        f"{_bytes_of(slot.position, slot.size)}  {rate}  {left}",
        f"{percent}  {rate}  {left}",
        f"{percent}  {left}",
        percent,
    )
    rooms = [width - len(label) - len(right) - 4 for right in choices]
    best = next((n for n, room in enumerate(rooms) if room >= _SHORT_NAME_COLUMNS), -1)
    right, room = choices[best], rooms[best]
    bar_columns = min(_BAR_COLUMNS, room - _SHORT_NAME_COLUMNS - 2)
    bar = ""
    if bar_columns >= 5:
        bar = bar_of(share(slot.position, slot.size), bar_columns) + "  "
    name_columns = min(_NAME_COLUMNS, max(0, room - len(bar)))
    name = short_name(slot.name, name_columns).ljust(name_columns)
    return f"{label}  {name}  {bar}{right}"[:width]


def total_line(total: TotalShown, width: int) -> str:
    """The whole run: count, bytes, rate, time left, waiting, failed."""
    parts = (
        f"{total.done:,}/{total.products:,} products",
        _bytes_of(total.done_bytes, total.total_bytes).strip(),
        format_rate(total.rate or 0.0),
        f"ETA {format_left(total.left)}",
        f"{total.waiting:,} waiting",
        f"{total.failed:,} failed",
    )
    line = "  ".join(parts)
    if len(line) > width:
        line = " ".join(part.replace(" products", "").replace(" ", "") for part in parts)
    return line[:width]


def check_line(check: CheckShown, width: int) -> str:
    """A verification: files, bytes, rate, time left."""
    parts = (
        f"{check.done:,}/{counted(check.total, 'file')}",
        _bytes_of(check.done_bytes, check.total_bytes).strip(),
        format_rate(check.rate or 0.0),
        f"ETA {format_left(check.left)}",
    )
    return "  ".join(parts)[:width]


def bar_of(part: float | None, columns: int) -> str:
    """A bar in ASCII; empty where the whole is unknown."""
    if part is None:
        return "[" + " " * (columns - 2) + "]"
    filled = round(part * (columns - 2))
    return "[" + "=" * filled + " " * (columns - 2 - filled) + "]"


def _percent(position: int, size: int | None) -> str:
    part = share(position, size)
    return f"{format_size(position):>7}" if part is None else f"{int(part * 100):>3}%"


def _bytes_of(position: int, size: int | None) -> str:
    whole = "?" if size is None else format_size(size)
    return f"{format_size(position):>7}/{whole:<7}"
