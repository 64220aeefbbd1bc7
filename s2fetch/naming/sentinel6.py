"""Names of Sentinel-6."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, extension, pattern, platform, time
from s2fetch.naming.name import Acquisition, ProductName

_S6 = pattern(
    r"(?P<platform>S6[A-D_])_(?P<type>[A-Z0-9]{2}_[012][AB_]_[A-Z0-9_]{7})_D(start)_D(end)"
    r"_D(created)_\d{4}_(?P<cycle>\d{3})_(?P<pass>\d{3})_(?P<orbit>\d{3})_[A-Z0-9_]{4}_[A-Z]{3}"
    r"_(?P<timeliness>NR|ST|NT)_(?P<baseline>[A-Z]\d\d)",
    ".SEN6",
)
_S6_NC = pattern(
    r"(?P<platform>S6[A-D_])_(?P<type>[A-Z0-9]{2}_[012][AB_]_[A-Z0-9_]{7})"
    r"_(?P<timeliness>NR|ST|NT)_(?P<cycle>\d{3})_(?P<pass>\d{3})_D(start)_D(end)"
    r"_(?P<baseline>[A-Z]\d\d)",
    ".nc",
)


def _s6_key(match: re.Match[str]) -> Acquisition:
    packaging = "SEN6" if match.re.pattern == _S6 else "NC"
    own = match["platform"], match["type"]
    return "S6", packaging, *own, match["cycle"], match["pass"]


def _s6(match: re.Match[str]) -> ProductName:
    package = match.re.pattern == _S6
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".SEN6" if package else ".nc"),
        collection="SENTINEL-6",
        product_type=match["type"],
        platform=platform(match["platform"]),
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=time(match["created"]) if package else None,
        streams=(match["timeliness"],),
        baseline=match["baseline"],
        relative_orbit=int(match["orbit"]) if package else None,
        cycle=int(match["cycle"]),
        acquisition=_s6_key(match),
        version=(match["created"],) if package else (match["baseline"],),
    )


FAMILIES = (Family(_S6, _s6_key, _s6), Family(_S6_NC, _s6_key, _s6))
