"""Names of Sentinel-1."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, extension, pattern, platform, time
from s2fetch.naming.name import Acquisition, ProductName

_S1 = pattern(
    r"(?P<platform>S1[A-D_])_(?P<mode>S[1-6]|IW|EW|WV|EN|N[1-6]|GP|HK|RF|AI|Z\w)"
    r"_(?P<type>[A-Z0-9]{2}[A-Z0-9_][FHM_])_(?P<level>[012A_][A-Z_])(?P<polarisation>[SDHV][HV]|__)"
    r"_D(start)_D(end)_(?P<orbit>\d{6})_(?P<datatake>[0-9A-F_]{6})_[0-9A-F_]{4}(?P<cog>_COG)?",
    ".SAFE",
)
_S1_AUX = pattern(
    r"(?P<platform>S1[A-D_])_(?P<type>AUX_[A-Z0-9]{3})_VD(start)_GD(created)", ".SAFE"
)
_FIRST_ORBITS = {"S1A": 73, "S1B": 27}


def _s1_type(match: re.Match[str]) -> str:
    cog = "-COG" if match["cog"] else ""
    return f"{match['mode']}_{match['type']}_{match['level']}{cog}"


def _s1_key(match: re.Match[str]) -> Acquisition:
    own = match["platform"], _s1_type(match), match["polarisation"]
    return "S1", *own, match["orbit"], match["datatake"]


def _s1(match: re.Match[str]) -> ProductName:
    orbit, first = int(match["orbit"]), _FIRST_ORBITS.get(match["platform"])
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".SAFE"),
        collection="SENTINEL-1",
        product_type=_s1_type(match),
        platform=platform(match["platform"]),
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=None,
        orbit=orbit,
        relative_orbit=None if first is None else (orbit - first) % 175 + 1,
        acquisition=_s1_key(match),
    )


def _s1_aux_key(match: re.Match[str]) -> Acquisition:
    return "S1-AUX", match["platform"], match["type"], match["start"]


def _s1_aux(match: re.Match[str]) -> ProductName:
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".SAFE"),
        collection="SENTINEL-1",
        product_type=match["type"],
        platform=platform(match["platform"]),
        sensing_start=time(match["start"]),
        sensing_end=None,
        created=time(match["created"]),
        acquisition=_s1_aux_key(match),
        version=(match["created"],),
    )


FAMILIES = (Family(_S1, _s1_key, _s1), Family(_S1_AUX, _s1_aux_key, _s1_aux))
