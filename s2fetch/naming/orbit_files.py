"""Names of orbit files, and of what is named like them."""

from __future__ import annotations

import re

from s2fetch.naming.family import Family, extension, pattern, platform, time
from s2fetch.naming.name import COLLECTIONS, Acquisition, ProductName

_ORBIT = pattern(
    r"(?P<platform>S[12][A-D_])_OPER_(?P<type>[A-Z]{3}_[A-Z0-9_]{6})_[A-Z0-9_]{4}"
    r"_D(created)_VD(start)_D(end)",
    ".EOF",
    ".TGZ",
)
_EOF_TYPES = frozenset({"AUX_POEORB", "AUX_RESORB", "AUX_PREORB", "AUX_MOEORB"})


def _orbit_key(match: re.Match[str]) -> Acquisition:
    return "EOF", match["platform"], match["type"], match["start"], match["end"]


def _orbit(match: re.Match[str]) -> ProductName:
    given = extension(match, ".EOF", ".TGZ") if match["extension"] else ""
    # Others (GNSS data, quality reports) are listed without any extension.
    default = ".EOF" if match["type"] in _EOF_TYPES else ""
    return ProductName(
        stem=match["stem"],
        extension=given or default,
        collection=COLLECTIONS[match["platform"][:2]],
        product_type=match["type"],
        platform=platform(match["platform"]),
        sensing_start=time(match["start"]),
        sensing_end=time(match["end"]),
        created=time(match["created"]),
        acquisition=_orbit_key(match),
        version=(match["created"],),
    )


FAMILIES = (Family(_ORBIT, _orbit_key, _orbit),)
