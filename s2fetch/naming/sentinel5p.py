"""Names of Sentinel-5P."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, extension, pattern, time
from s2fetch.naming.name import Acquisition, ProductName

_S5P = pattern(
    r"(?P<platform>S5P)_(?P<stream>[A-Z_]{4})_(?P<type>[A-Z0-9_]{10})_D(start)_D(end)"
    r"_(?P<orbit>\d{5})_(?P<baseline>\d{2})_(?P<processor>\d{6})_D(created)",
    ".nc",
    ".cdl",
)


def _s5p_key(match: re.Match[str]) -> Acquisition:
    return "S5P", match["type"], match["orbit"]


def _s5p(match: re.Match[str]) -> ProductName:
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".nc", ".cdl"),
        collection="SENTINEL-5P",
        product_type=match["type"],
        platform="S5P",
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=time(match["created"]),
        streams=(match["stream"].rstrip("_"),),
        baseline=match["baseline"],
        orbit=int(match["orbit"]),
        acquisition=_s5p_key(match),
        version=(match["created"], match["processor"]),
    )


FAMILIES = (Family(_S5P, _s5p_key, _s5p),)
