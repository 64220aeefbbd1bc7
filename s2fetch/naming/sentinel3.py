"""Names of Sentinel-3."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, extension, pattern, platform, time
from s2fetch.naming.name import Acquisition, ProductName

_S3 = pattern(
    r"(?P<platform>S3[A-D_])_(?P<type>[A-Z]{2}_[012_]_[A-Z0-9_]{6})_D(start)_D(end)_D(created)"
    r"_(?P<instance>[A-Z0-9_]{17})_[A-Z0-9_]{3}_(?P<origin>[OFDR_])_(?P<timeliness>[A-Z_]{2})"
    r"_(?P<baseline>[A-Z0-9_]{3})",
    ".SEN3",
)
_PASS = re.compile(r"\d{4}_(?P<cycle>\d{3})_(?P<orbit>\d{3})_(?:_{4}|\d{4})")


def _s3_key(match: re.Match[str]) -> Acquisition:
    own = match["platform"], match["type"]
    place = _PASS.fullmatch(match["instance"])
    if place is not None:
        return "S3", *own, place["cycle"], place["orbit"]
    return "S3", *own, match["instance"], match["start"], match["end"]


def _s3(match: re.Match[str]) -> ProductName:
    place = _PASS.fullmatch(match["instance"])
    streams = match["timeliness"], match["origin"]
    return ProductName(
        stem=match["stem"],
        extension=extension(match, ".SEN3"),
        collection="SENTINEL-3",
        product_type=match["type"],
        platform=platform(match["platform"]),
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=time(match["created"]),
        streams=tuple(stream for stream in streams if stream.strip("_")),
        baseline=match["baseline"].strip("_"),
        relative_orbit=int(place["orbit"]) if place else None,
        cycle=int(place["cycle"]) if place else None,
        acquisition=_s3_key(match),
        version=(match["created"],),
    )


FAMILIES = (Family(_S3, _s3_key, _s3),)
