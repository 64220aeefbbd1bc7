"""Names of Sentinel-2."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, extension, pattern, time
from s2fetch.naming.name import Acquisition, ProductName

_S2 = pattern(
    r"(?P<platform>S2[A-D])_MSI(?P<level>L1C|L2A)_D(start)_N(?P<baseline>\d{4})"
    r"_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[C-HJ-NP-X][A-Z]{2})_D(created)",
    ".SAFE",
)
_S2_OLD = pattern(
    r"(?P<platform>S2[AB])_(?P<class>OPER|USER)_PRD_MSI(?P<level>L1C|L2A)_[A-Z0-9_]{4}"
    r"_D(created)_R(?P<orbit>\d{3})_VD(start)_D(end)",
    ".SAFE",
)


def _s2_key(match: re.Match[str]) -> Acquisition:
    own = match["platform"], match["level"], match["start"]
    return "S2", *own, match["tile"], match["orbit"]


def _s2(match: re.Match[str]) -> ProductName:
    baseline = match["baseline"]
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".SAFE"),
        collection="SENTINEL-2",
        product_type=f"S2MSI{match['level'][1:]}",
        platform=match["platform"],
        sensing_start=time(match["start"]),
        sensing_end=None,
        created=time(match["created"]),
        streams=(f"N{baseline}",),
        baseline=f"{baseline[:2]}.{baseline[2:]}",
        relative_orbit=int(match["orbit"]),
        tile=match["tile"],
        acquisition=_s2_key(match),
        # The last field tells products apart and may lie before the sensing time.
        version=(baseline, match["created"]),
    )


def _s2_old_key(match: re.Match[str]) -> Acquisition:
    own = match["platform"], match["class"], match["level"]
    return "S2-PRD", *own, match["orbit"], match["start"], match["end"]


def _s2_old(match: re.Match[str]) -> ProductName:
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".SAFE"),
        collection="SENTINEL-2",
        product_type=f"S2MSI{match['level'][1:]}",
        platform=match["platform"],
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=time(match["created"]),
        relative_orbit=int(match["orbit"]),
        acquisition=_s2_old_key(match),
        version=(match["created"],),
    )


FAMILIES = (Family(_S2, _s2_key, _s2), Family(_S2_OLD, _s2_old_key, _s2_old))
