"""Text that is safe and short enough to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.cli.text import counted, folder_shown, printable, sentence, short_name, time_shown

NAME = "S2A_MSIL1C_20240601T100559_N0510_R065_T32TQM_20240601T130559.SAFE"


def test_names_are_shortened_to_what_tells_them_apart() -> None:
    """Platform, type, sensing and tile stay as long as there is room for them."""
    assert short_name(NAME, 65) == NAME
    assert short_name(NAME, 64) == "S2A_MSIL1C_20240601T100559_T32TQM"
    assert short_name(NAME, 33) == "S2A_MSIL1C_20240601T100559_T32TQM"
    assert short_name(NAME, 20) == "S2A_MSIL1C…59_T32TQM"
    assert short_name("anything-else-that-is-long.nc", 12) == "anythi…ng.nc"


@given(st.text(), st.integers(0, 80))
def test_a_short_name_fits_and_is_printable(name: str, width: int) -> None:
    """Whatever the hub calls its products."""
    shown = short_name(name, width)
    assert len(shown) <= width
    assert printable(shown) == shown


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nb", "\r", "\x07", "\x9b31m", "\u202e"])
def test_text_from_outside_cannot_steer_a_terminal(hostile: str) -> None:
    """Escape sequences, line breaks and changes of direction are replaced."""
    shown = printable(f"x{hostile}y")
    assert hostile not in shown
    assert shown.isprintable()


def test_a_sentence_ends_once() -> None:
    """With a full stop unless it has an end already; lists keep their lines."""
    assert sentence("it failed") == "it failed."
    assert sentence("Did it fail?") == "Did it fail?"
    assert sentence("it failed \n") == "it failed."
    assert sentence("2 mistakes:\n  one\n  two") == "2 mistakes:\n  one\n  two."
    assert sentence("") == ""


def test_counts_and_times_read_well() -> None:
    """One product, many products; a minute is exact enough."""
    assert counted(1, "product") == "1 product"
    assert counted(12_345, "product") == "12,345 products"
    assert time_shown("2026-11-20T14:26:58.838807Z") == "2026-11-20 14:26 UTC"
    assert time_shown("") == ""


def test_a_folder_without_an_archive_says_so() -> None:
    """A folder that was mistyped looks like an empty archive otherwise."""
    assert folder_shown("/data/a", exists=True) == "/data/a"
    assert "no archive in it" in folder_shown("/data/a", exists=False)
