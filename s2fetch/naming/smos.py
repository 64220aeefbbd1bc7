"""Names of SMOS, which are those of the Earth Explorers (Ground Segment File Format Standard)."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, pattern, time
from s2fetch.naming.name import Acquisition, ProductName

# The catalogue lists the folder, which has no extension; its files have these.
_SMOS = pattern(
    r"(?P<platform>SM)_(?P<class>[A-Z0-9]{4})_(?P<type>[A-Z0-9_]{10})_D(start)_D(end)"
    r"_(?P<processor>\d{3})_(?P<counter>\d{3})_\d",
    ".nc",
    ".DBL",
    ".HDR",
)


def _smos_key(match: re.Match[str]) -> Acquisition:
    # Names have no orbit, and each processing cuts anew: times tell the orbits of a day apart.
    return "SMOS", match["type"], match["start"][:8]


def _smos(match: re.Match[str]) -> ProductName:
    return ProductName(
        stem=match["stem"],
        extension="",
        collection="SMOS",
        product_type=match["type"],
        platform=match["platform"],
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=None,
        streams=(match["class"],),
        baseline=match["processor"],
        acquisition=_smos_key(match),
        version=(match["processor"], match["counter"]),
    )


FAMILIES = (Family(_SMOS, _smos_key, _smos),)
