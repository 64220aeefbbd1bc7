"""What the names of products say, cut by position; and which names mean the same acquisition.

Fields are padded with ``_``, so that splitting at ``_`` would tear them apart: every field is taken
from its place. Sources: Sentinel-1, Sentinel-2 and Sentinel-3 Products Specification Documents and
naming conventions, Sentinel-5P Level 2 product user manuals, Sentinel-6 product handbook.

Two products are *versions* of one acquisition when `ProductName.acquisition` is equal and one of
them `covers` the other. The key is, after the family:

- Sentinel-1: platform, mode, type, polarisation, orbit, datatake. The slices of a datatake share
  it and are told apart by their times. A COG is another product and no version.
- Sentinel-1 auxiliary: platform, type, start of validity. Orbit files: platform, type, validity.
- Sentinel-2: platform, level, start of the datatake, tile, relative orbit; in the old format class,
  level, relative orbit, start and stop.
- Sentinel-3: platform, type, cycle, relative orbit. Frames share it, and near-real-time granules
  with the stripes they are a part of; times tell them apart. Tiles, global composites and auxiliary
  data: platform, type, area, start, stop.
- Sentinel-5P: type and orbit. The near-real-time granules of an orbit share it with the whole.
- Sentinel-6: packaging, platform, type, cycle, pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

TOLERANCE = timedelta(seconds=5)
"""How much a version may lack at either end of another's time and cover it still, because each
processing cuts anew; at most a tenth of that time."""

STREAMS = {
    "SENTINEL-3": ("NR", "ST", "NT", "SN", "NN", "AL", "O", "F", "D", "R"),
    "SENTINEL-5P": ("NRTI", "OFFL", "RPRO", "TEST", "PAL"),
    "SENTINEL-6": ("NR", "ST", "NT"),
}
"""Processing streams: timeliness, and for Sentinel-3 also the platform that processed: operational,
reference, development, reprocessing. Those of Sentinel-2 are the baselines (``N0510``)."""

Acquisition = tuple[str, ...]


class ProductName(msgspec.Struct, frozen=True, kw_only=True):
    """A product's name, understood. Empty and None where names of this kind do not say.

    Attributes:
        stem: The name without extension.
        extension: As the catalogue lists it: ``.SAFE``, ``.SEN3``, ``.nc``, ``.SEN6``, ``.EOF`` or
            empty. The one that was given, if it is one of the family's.
        collection: Catalogue collection, e.g. ``SENTINEL-5P``.
        product_type: As the ``productType`` attribute has it, e.g. ``S2MSI1C``, ``L2__NO2___``.
        platform: ``S1A``, ``S5P``; without unit where the product is of all: ``S3``.
        sensing_start: First moment (for auxiliary data: of validity), aware.
        sensing_end: Last moment; None where the name has only the first.
        created: When it was processed; None where the name does not tell.
        streams: Processing streams it belongs to, see `STREAMS`.
        baseline: Processing baseline, ``05.10`` for Sentinel-2; the collection for Sentinel-5P.
        orbit: Absolute orbit.
        relative_orbit: Relative orbit, from 1.
        cycle: Repeat cycle.
        tile: MGRS tile without the leading T.
        acquisition: What all versions of one acquisition share; see the module.
        version: Sorts the versions of one acquisition, the one processed last at the end; empty
            where names do not tell.
    """

    stem: str
    extension: str
    collection: str
    product_type: str
    platform: str
    sensing_start: datetime
    sensing_end: datetime | None
    created: datetime | None
    streams: tuple[str, ...] = ()
    baseline: str = ""
    orbit: int | None = None
    relative_orbit: int | None = None
    cycle: int | None = None
    tile: str = ""
    acquisition: Acquisition
    version: tuple[str, ...] = ()

    @property
    def listed(self) -> str:
        """The name as the catalogue lists it."""
        return self.stem + self.extension

    def covers(self, other: ProductName) -> bool:
        """Whether the time of the other lies within the time of this one, within `TOLERANCE`."""
        end, others_end = (name.sensing_end or name.sensing_start for name in (self, other))
        slack = min(TOLERANCE, (others_end - other.sensing_start) / 10)
        return self.sensing_start <= other.sensing_start + slack and end >= others_end - slack


def parse(name: str) -> ProductName | None:
    """Take a name apart, with or without extension, with or without ``.zip``, in any case.

    Returns:
        None for names of no family that is known, and where a time in the name is none.
    """
    found = _match(name)
    if found is None:
        return None
    family, match = found
    try:
        return family.read(match)
    except ValueError:
        return None


def acquisition_of(name: str) -> Acquisition | None:
    """`ProductName.acquisition` of a name, found faster than by `parse`."""
    found = _match(name)
    return None if found is None else found[0].key(found[1])


def collection_of(name: str) -> str:
    """The collection of a name, or empty for names of no family that is known."""
    found = _match(name)
    return "" if found is None else _COLLECTIONS[found[1].string[:2].upper()]


class _Family(msgspec.Struct, frozen=True):
    """One way names are made.

    Attributes:
        pattern: Every group is a field of a fixed width; then the extension, if any.
        key: The acquisition.
        read: Everything; a ValueError says that it is none of these names after all.
    """

    pattern: re.Pattern[str]
    key: Callable[[re.Match[str]], Acquisition]
    read: Callable[[re.Match[str]], ProductName]


def _match(name: str) -> tuple[_Family, re.Match[str]] | None:
    for text in (name, name.upper()):
        for family in _FAMILIES.get(text[:2], ()):
            match = family.pattern.fullmatch(text)
            if match is not None:
                return family, match
    return None


def _pattern(fields: str, *extensions: str) -> re.Pattern[str]:
    """A family's pattern: ``D(name)`` is a time of 15 characters."""
    fields = re.sub(r"D\((\w+)\)", r"(?P<\1>\\d{8}T\\d{6})", fields)
    known = "|".join(re.escape(extension) for extension in extensions)
    return re.compile(rf"(?P<stem>{fields})(?P<extension>(?i:{known}))?(?i:\.zip)?")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _platform(text: str) -> str:
    return text.rstrip("_")


def _extension(match: re.Match[str], *known: str) -> str:
    """The family's own spelling of the extension; the first one where none was given."""
    given = match["extension"]
    return next((each for each in known if given and each.lower() == given.lower()), known[0])


# --- Sentinel-1 -----------------------------------------------------------------------------------

_S1 = _pattern(
    r"(?P<platform>S1[A-D_])_(?P<mode>S[1-6]|IW|EW|WV|EN|N[1-6]|GP|HK|RF|AI|Z\w)"
    r"_(?P<type>[A-Z0-9]{2}[A-Z0-9_][FHM_])_(?P<level>[012A_][A-Z_])(?P<polarisation>[SDHV][HV]|__)"
    r"_D(start)_D(end)_(?P<orbit>\d{6})_(?P<datatake>[0-9A-F_]{6})_[0-9A-F_]{4}(?P<cog>_COG)?",
    ".SAFE",
)
_S1_AUX = _pattern(
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
        extension=_extension(match, ".SAFE"),
        collection="SENTINEL-1",
        product_type=_s1_type(match),
        platform=_platform(match["platform"]),
        sensing_start=_time(match["start"]),
        sensing_end=_time(match["end"]),
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
        extension=_extension(match, ".SAFE"),
        collection="SENTINEL-1",
        product_type=match["type"],
        platform=_platform(match["platform"]),
        sensing_start=_time(match["start"]),
        sensing_end=None,
        created=_time(match["created"]),
        acquisition=_s1_aux_key(match),
        version=(match["created"],),
    )


# --- orbit files and what is named like them ------------------------------------------------------

_ORBIT = _pattern(
    r"(?P<platform>S[12][A-D_])_OPER_(?P<type>[A-Z]{3}_[A-Z0-9_]{6})_[A-Z0-9_]{4}"
    r"_D(created)_VD(start)_D(end)",
    ".EOF",
    ".TGZ",
)
_EOF_TYPES = frozenset({"AUX_POEORB", "AUX_RESORB", "AUX_PREORB", "AUX_MOEORB"})


def _orbit_key(match: re.Match[str]) -> Acquisition:
    return "EOF", match["platform"], match["type"], match["start"], match["end"]


def _orbit(match: re.Match[str]) -> ProductName:
    given = _extension(match, ".EOF", ".TGZ") if match["extension"] else ""
    # Others (GNSS data, quality reports) are listed without any extension.
    default = ".EOF" if match["type"] in _EOF_TYPES else ""
    return ProductName(
        stem=match["stem"],
        extension=given or default,
        collection=_COLLECTIONS[match["platform"][:2]],
        product_type=match["type"],
        platform=_platform(match["platform"]),
        sensing_start=_time(match["start"]),
        sensing_end=_time(match["end"]),
        created=_time(match["created"]),
        acquisition=_orbit_key(match),
        version=(match["created"],),
    )


# --- Sentinel-2 -----------------------------------------------------------------------------------

_S2 = _pattern(
    r"(?P<platform>S2[A-D])_MSI(?P<level>L1C|L2A)_D(start)_N(?P<baseline>\d{4})"
    r"_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[C-HJ-NP-X][A-Z]{2})_D(created)",
    ".SAFE",
)
_S2_OLD = _pattern(
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
        extension=_extension(match, ".SAFE"),
        collection="SENTINEL-2",
        product_type=f"S2MSI{match['level'][1:]}",
        platform=match["platform"],
        sensing_start=_time(match["start"]),
        sensing_end=None,
        created=_time(match["created"]),
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
        extension=_extension(match, ".SAFE"),
        collection="SENTINEL-2",
        product_type=f"S2MSI{match['level'][1:]}",
        platform=match["platform"],
        sensing_start=_time(match["start"]),
        sensing_end=_time(match["end"]),
        created=_time(match["created"]),
        relative_orbit=int(match["orbit"]),
        acquisition=_s2_old_key(match),
        version=(match["created"],),
    )


# --- Sentinel-3 -----------------------------------------------------------------------------------

_S3 = _pattern(
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
        extension=_extension(match, ".SEN3"),
        collection="SENTINEL-3",
        product_type=match["type"],
        platform=_platform(match["platform"]),
        sensing_start=_time(match["start"]),
        sensing_end=_time(match["end"]),
        created=_time(match["created"]),
        streams=tuple(stream for stream in streams if stream.strip("_")),
        baseline=match["baseline"].strip("_"),
        relative_orbit=int(place["orbit"]) if place else None,
        cycle=int(place["cycle"]) if place else None,
        acquisition=_s3_key(match),
        version=(match["created"],),
    )


# --- Sentinel-5P ----------------------------------------------------------------------------------

_S5P = _pattern(
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
        extension=_extension(match, ".nc", ".cdl"),
        collection="SENTINEL-5P",
        product_type=match["type"],
        platform="S5P",
        sensing_start=_time(match["start"]),
        sensing_end=_time(match["end"]),
        created=_time(match["created"]),
        streams=(match["stream"].rstrip("_"),),
        baseline=match["baseline"],
        orbit=int(match["orbit"]),
        acquisition=_s5p_key(match),
        version=(match["created"], match["processor"]),
    )


# --- Sentinel-6 -----------------------------------------------------------------------------------

_S6 = _pattern(
    r"(?P<platform>S6[A-D_])_(?P<type>[A-Z0-9]{2}_[012][AB_]_[A-Z0-9_]{7})_D(start)_D(end)"
    r"_D(created)_\d{4}_(?P<cycle>\d{3})_(?P<pass>\d{3})_(?P<orbit>\d{3})_[A-Z0-9_]{4}_[A-Z]{3}"
    r"_(?P<timeliness>NR|ST|NT)_(?P<baseline>[A-Z]\d\d)",
    ".SEN6",
)
_S6_NC = _pattern(
    r"(?P<platform>S6[A-D_])_(?P<type>[A-Z0-9]{2}_[012][AB_]_[A-Z0-9_]{7})"
    r"_(?P<timeliness>NR|ST|NT)_(?P<cycle>\d{3})_(?P<pass>\d{3})_D(start)_D(end)"
    r"_(?P<baseline>[A-Z]\d\d)",
    ".nc",
)


def _s6_key(match: re.Match[str]) -> Acquisition:
    packaging = "SEN6" if match.re is _S6 else "NC"
    own = match["platform"], match["type"]
    return "S6", packaging, *own, match["cycle"], match["pass"]


def _s6(match: re.Match[str]) -> ProductName:
    package = match.re is _S6
    return ProductName(
        stem=match["stem"],
        extension=_extension(match, ".SEN6" if package else ".nc"),
        collection="SENTINEL-6",
        product_type=match["type"],
        platform=_platform(match["platform"]),
        sensing_start=_time(match["start"]),
        sensing_end=_time(match["end"]),
        created=_time(match["created"]) if package else None,
        streams=(match["timeliness"],),
        baseline=match["baseline"],
        relative_orbit=int(match["orbit"]) if package else None,
        cycle=int(match["cycle"]),
        acquisition=_s6_key(match),
        version=(match["created"],) if package else (match["baseline"],),
    )


_COLLECTIONS = {
    "S1": "SENTINEL-1",
    "S2": "SENTINEL-2",
    "S3": "SENTINEL-3",
    "S5": "SENTINEL-5P",
    "S6": "SENTINEL-6",
}
_ORBIT_FILES = _Family(_ORBIT, _orbit_key, _orbit)
_FAMILIES = {
    "S1": (_Family(_S1, _s1_key, _s1), _Family(_S1_AUX, _s1_aux_key, _s1_aux), _ORBIT_FILES),
    "S2": (_Family(_S2, _s2_key, _s2), _Family(_S2_OLD, _s2_old_key, _s2_old), _ORBIT_FILES),
    "S3": (_Family(_S3, _s3_key, _s3),),
    "S5": (_Family(_S5P, _s5p_key, _s5p),),
    "S6": (_Family(_S6, _s6_key, _s6), _Family(_S6_NC, _s6_key, _s6)),
}
