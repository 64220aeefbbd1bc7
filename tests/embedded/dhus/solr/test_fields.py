"""Tokens of text fields."""

from __future__ import annotations

import pytest

from s2fetch.embedded.dhus.solr.fields import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VV VH", ["vv", "vh"]),
        ("Sentinel-2", ["sentinel", "2"]),
        ("SR_1_SRA___", ["sr_1_sra___"]),
        ("L2__NO2___", ["l2__no2___"]),
        ("02.06", ["02.06"]),
        ("Level-1C", ["level", "1c"]),
        ("2015-028A", ["2015", "028a"]),
        ("GS2A_20171230T105431_013163_N02.06", ["gs2a_20171230t105431_013163_n02.06"]),
        ("Synthetic Aperture Radar (C-band)", ["synthetic", "aperture", "radar", "c", "band"]),
        ("1.a", ["1", "a"]),
        ("___", []),
        ("", []),
    ],
)
def test_texts_split_at_blanks_and_hyphens_only(text: str, expected: list[str]) -> None:
    """Underscores and points between digits hold a token together."""
    assert tokens(text) == expected
