"""The lines of the live view."""

from __future__ import annotations

import msgspec
import pytest

from s2fetch.cli.lines import bar_of, check_line, slot_line, total_line
from s2fetch.cli.progress import CheckShown, SlotShown, TotalShown

NAME = "S2A_MSIL1C_20240601T100559_N0510_R065_T32TQM_20240601T130559.SAFE"
SLOT = SlotShown("1", NAME, 412_000_000, 824_000_000, 20_000_000.0, 20.6)
TOTAL = TotalShown(3, 12, 8_100_000, 33_600_000, 4_000_000.0, 6.4, 2, 1)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_lines_fit_the_terminal(width: int) -> None:
    """At any width, so that nothing wraps."""
    for line in (
        slot_line(SLOT, width),
        slot_line(SlotShown("2"), width),
        slot_line(SlotShown("account:20", "x" * 300, 5, None, None, None), width),
        total_line(TOTAL, width),
        check_line(CheckShown(5, 7, 10**9, 10**10, 5e8, 18.0), width),
    ):
        assert len(line) <= width


def test_eighty_columns_have_everything_of_a_slot() -> None:
    """Product, size, rate and time left."""
    line = slot_line(SLOT, 80)
    for part in ("S2A_MSIL1C_20240601T100559_T32TQM", "412 MB/824 MB", "20.0 MB/s", "0:21"):
        assert part in line


@pytest.mark.parametrize(
    ("width", "right"),
    [(66, "  49%  20.0 MB/s     0:21"), (56, "  49%     0:21"), (45, "  49%")],
)
def test_a_narrow_terminal_has_what_matters_most(width: int, right: str) -> None:
    """The name and the share; then the time that is left, then the rate."""
    line = slot_line(msgspec.structs.replace(SLOT, position=411_000_000), width)
    assert line.endswith(right)
    assert "S2A_MSIL1C_20240601T100559_T32TQM" in line


def test_a_slot_without_a_product_is_idle() -> None:
    """Nothing is shown as being at 0 %."""
    assert slot_line(SlotShown("2"), 80) == "2  idle"


def test_a_wide_terminal_has_a_bar_too() -> None:
    """Half of it is filled when half has arrived."""
    assert "[=========         ]" in slot_line(SLOT, 120)


def test_the_total_has_everything_in_eighty_columns() -> None:
    """Count, bytes, rate, time left, waiting, failed."""
    assert total_line(TOTAL, 80) == (
        "3/12 products  8.10 MB/33.6 MB  4.00 MB/s  ETA 0:06  2 waiting  1 failed"
    )


def test_unknown_sizes_are_shown_as_unknown() -> None:
    """A hub may list none."""
    line = slot_line(SlotShown("1", NAME, 5000, None, None, None), 120)
    assert "5.00 kB/?" in line
    assert "-:--" in line
    assert bar_of(None, 6) == "[    ]"
