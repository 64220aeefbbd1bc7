"""Product types of each collection, and the short forms people write for them.

Sources: Copernicus Data Space documentation, OData, and the lists its browser offers; the product
naming conventions of Sentinel-1, -2, -3, -5P and -6, which give types a fixed width, padded with
``_``. Lists of Sentinel-1, -2, -3, -5P and of the mosaics are closed but for what the documentation
leaves open (auxiliary data, calibration and other rare modes); that is accepted by its shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from s2fetch.errors import QueryError
from s2fetch.vocabulary.words import nearest, suggestion

_RADAR_MODES = ("IW", "EW", "WV", "S1", "S2", "S3", "S4", "S5", "S6")
_GROUND_RANGE = (
    *("IW_GRDH", "IW_GRDM", "EW_GRDH", "EW_GRDM"),
    *(f"S{beam}_GRD{resolution}" for beam in range(1, 7) for resolution in "FHM"),
)

PRODUCT_TYPES: Mapping[str, tuple[str, ...]] = {
    "SENTINEL-1": (
        *(f"{mode}_SLC__1S" for mode in _RADAR_MODES),
        *(f"{kind}_1S" for kind in _GROUND_RANGE),
        *(f"{kind}_1S-COG" for kind in _GROUND_RANGE),
        *(f"{mode}_OCN__2S" for mode in _RADAR_MODES),
        *(f"{mode}_RAW__0S" for mode in _RADAR_MODES),
        *(f"{mode}_ETA__AX" for mode in _RADAR_MODES if mode != "WV"),
        *("AUX_POEORB", "AUX_RESORB", "AUX_PREORB", "AUX_MOEORB", "AUX_GNSSRD", "AUX_PROQUA"),
        *("AUX_INS", "AUX_CAL"),
    ),
    "SENTINEL-2": (
        "S2MSI1C",
        "S2MSI2A",
        "S2MSI2Ap",
        "MSI_L1B_DS",
        "MSI_L1B_GR",
        "AUX_GNSSRD",
        "AUX_POEORB",
        "AUX_PROQUA",
    ),
    "SENTINEL-3": (
        *("OL_1_EFR___", "OL_1_ERR___", "OL_2_LFR___", "OL_2_LRR___", "OL_2_WFR___"),
        *("OL_2_WRR___", "SL_1_RBT___", "SL_2_LST___", "SL_2_WST___", "SL_2_FRP___"),
        *("SL_2_AOD___", "SR_1_SRA___", "SR_1_SRA_A_", "SR_1_SRA_BS", "SR_1_CAL___"),
        *("SR_2_LAN___", "SR_2_LAN_HY", "SR_2_LAN_LI", "SR_2_LAN_SI", "SR_2_WAT___"),
        *("SY_2_SYN___", "SY_2_V10___", "SY_2_VG1___", "SY_2_VGP___", "SY_2_AOD___"),
        *("MW_1_MWR___", "AUX_MOEORB", "AUX_POEORB", "AUX_PRCPTF", "AUX_GNSSRD", "AUX_PROQUA"),
        *("SR___ROE_AX", "SR___MDO_AX", "SR___POE_AX"),
    ),
    "SENTINEL-5P": (
        *("L2__AER_AI", "L2__AER_LH", "L2__CH4___", "L2__CLOUD_", "L2__CO____", "L2__HCHO__"),
        *("L2__NO2___", "L2__NP_BD3", "L2__NP_BD6", "L2__NP_BD7", "L2__O3____", "L2__O3_TCL"),
        *("L2__O3__PR", "L2__SO2___", "L1B_IR_SIR", "L1B_IR_UVN"),
        *(f"L1B_RA_BD{band}" for band in range(1, 9)),
        *("AUX_CTMFCT", "AUX_CTMANA"),
    ),
    "SENTINEL-6": (
        *("P4_1B_LR_____", "P4_1B_HR_____", "P4_2__LR_____", "P4_2__HR_____", "MW_2__AMR____"),
        *("AUX_GNSSRD", "AUX_PROQUA", "AX____POE__AX", "AX____ROE__AX", "AX____MOED_AX"),
    ),
    "SENTINEL-1-RTC": ("RTC",),
    "GLOBAL-MOSAICS": ("S2MSI_L3__MCQ",),
    "SMOS": ("L1", "L2", "SMOS_OS", "SMOS_NRT"),
    "COP-DEM": (
        *("COP-DEM_GLO-30-DGED", "COP-DEM_GLO-30-DTED", "COP-DEM_GLO-90-DGED"),
        *("COP-DEM_GLO-90-DTED", "COP-DEM_EEA-10-DGED", "COP-DEM_EEA-10-INSP"),
    ),
}
"""Values of the attribute that `type_attribute` names, as far as s2fetch knows them.

Collections that are not here accept any type.
"""

GROUPS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "SENTINEL-1": {
        "SLC": re.compile(r".._SLC__1."),
        "GRD": re.compile(r".._GRD._1."),
        "GRD-COG": re.compile(r".._GRD._1.-COG"),
        "OCN": re.compile(r".._OCN__2."),
        "RAW": re.compile(r".._RAW__0."),
    }
}
"""Words that a service accepts as a product type for several, and which types they stand for."""

_ALSO: Mapping[str, re.Pattern[str]] = {
    "SENTINEL-1": re.compile(
        r"AUX_[A-Z0-9_]{3,}"
        r"|(?:S[1-6]|IW|EW|WV)_(?:RAW__0|SLC__1|GRD[FHM]_1|OCN__2)[ANC]"
        r"|(?:EN|N[1-6]|GP|HK|RF|AI|Z[A-Z0-9])_[A-Z0-9_]{4}_[012A_][SANC_]"
    ),
    "SENTINEL-2": re.compile(r"AUX_[A-Z0-9_]{3,}"),
    "SENTINEL-3": re.compile(
        r"AUX_[A-Z0-9_]{3,}|[A-Z0-9_]{9}AX|[A-Z]{2}_[12]_[A-Z0-9]{3}_BW|[A-Z]{2}_0_[A-Z0-9_]{6}"
    ),
    "SENTINEL-5P": re.compile(r"AUX_[A-Z0-9_]{3,}|L0__[A-Z0-9_]{6}|L1B_(?:CA|ENG)_[A-Z0-9_]{2,3}"),
    "SENTINEL-6": re.compile(r"AUX_[A-Z0-9_]{3,}|[A-Z0-9]{2}_[012_][AB_]_[A-Z0-9_]{7}"),
    "SENTINEL-1-RTC": re.compile(r".+"),
    "SMOS": re.compile(r".+"),
    "COP-DEM": re.compile(r"COP-DEM_[A-Z]{3}-\d+-[A-Z]+(?:_PUBLIC)?"),
}
"""Shapes of types that are accepted although they are not listed.

Of Sentinel-1-RTC and SMOS the documentation lists no types, so any is; `explain_empty` says when
the hub has none of them.
"""

_TYPE_ATTRIBUTES = {"COP-DEM": "datasetFull", "CCM": "datasetFull"}


_PREFIXES = {"SENTINEL-1": "S1_SAR_", "SENTINEL-2": "S2_MSI_", "SENTINEL-5P": "S5P_"}
"""What other programs write before a type, such as ``S2_MSI_L1C``."""


def type_attribute(collection: str) -> str:
    """The attribute that holds the type of a collection's products."""
    return _TYPE_ATTRIBUTES.get(collection, "productType")


def check_product_type(collection: str, name: str) -> str:
    """The product type in the catalogue's spelling, padded to its full width.

    Short forms are understood as long as they mean one type: ``L1C``, ``OL_1_EFR``, ``L2_NO2``,
    ``NO2``, ``slc``, ``IW_SLC``. A group such as ``SLC`` stays what it is. Collections whose types
    s2fetch has no list of accept any, and so does no collection at all.

    Raises:
        QueryError: Unknown for this collection, or short for several; names the nearest.
    """
    name = name.strip()
    if collection == "CCM":
        # Elevation models are listed there too; of anything else there is no list.
        meant = _meant("COP-DEM", name)
        return meant[0] if len(meant) == 1 else name
    if not collection:
        found = {full for known in PRODUCT_TYPES for full in _meant(known, name)}
        return found.pop() if len(found) == 1 else name
    if collection not in PRODUCT_TYPES:
        return name
    meant = _meant(collection, name)
    if len(meant) == 1:
        return meant[0]
    if len(meant) > 1:
        what = f"{name!r} is short for several product types of {collection}"
        raise QueryError(what, advice=f"Write {' or '.join(meant)}")
    if collection in _ALSO and _ALSO[collection].fullmatch(name.upper()):
        return name if _ALSO[collection].pattern == ".+" else name.upper()
    raise QueryError(
        f"{name!r} is not a product type of {collection}", advice=_advice(collection, name)
    )


def collection_of_types(names: Iterable[str]) -> str:
    """The one collection that has all these product types; empty where none or several have.

    Short forms count from three letters up: fewer are too easily something else.
    """
    having = [
        {other for other in PRODUCT_TYPES if len(name.strip()) > 2 and _meant(other, name)}
        for name in names
    ]
    common = set.intersection(*having) if having else set()
    return common.pop() if len(common) == 1 else ""


def short_forms(collection: str, product_type: str) -> tuple[str, ...]:
    """What may be written for a product type, shortest last; empty where there is nothing shorter.

    >>> short_forms("SENTINEL-5P", "L2__NO2___")
    ('L2_NO2', 'NO2')
    """
    return tuple(
        short
        for short in dict.fromkeys(_shortened(collection, product_type))
        if _meant(collection, short) == (product_type,) and len(short) < len(product_type)
    )


def is_of_type(product_type: str, wanted: str, collection: str = "") -> bool:
    """Whether a type is the wanted one, or belongs to it when that is a group.

    Args:
        product_type: A product's own.
        wanted: A type or a group.
        collection: The product's; empty when unknown. Only Sentinel-1 has groups.
    """
    if product_type == wanted:
        return True
    groups = GROUPS.get(collection or "SENTINEL-1", {})
    return wanted in groups and groups[wanted].fullmatch(product_type) is not None


def _advice(collection: str, name: str) -> str:
    elsewhere = [other for other in PRODUCT_TYPES if other != collection and _meant(other, name)]
    if elsewhere and len(name) > 2:
        return f"It is one of {' and '.join(elsewhere)}: choose the collection with --collection"
    exact, short = _index(collection)
    forms = {**short, **exact}
    alike = [full for form in nearest(_folded(name), forms) for full in forms[form]]
    if alike:
        return f"Did you mean {' or '.join(dict.fromkeys(alike))}?"
    if found := _alike_elsewhere(name, collection):
        return f"Did you mean {' or '.join(found)}?"
    return suggestion(name, (*GROUPS.get(collection, {}), *PRODUCT_TYPES[collection]))


def _alike_elsewhere(name: str, collection: str) -> list[str]:
    """The most alike type of every other collection that has one, with the collection."""
    found = []
    for other in PRODUCT_TYPES:
        exact, short = _index(other)
        forms = {**short, **exact}
        best = nearest(_folded(name), forms, 1, 0.7) if other != collection else ()
        found += [f"{forms[form][0]} of {other}" for form in best]
    return found


def _folded(name: str) -> str:
    """A name without case, padding and kind of separator."""
    return re.sub(r"[\s_-]+", "_", name.strip().upper()).strip("_")


def _shortened(collection: str, product_type: str) -> Iterator[str]:
    """Shorter ways to write a type; not all of them need mean it alone."""
    folded = _folded(product_type) if "_" in product_type else product_type
    if collection == "COP-DEM":
        yield product_type.removeprefix("COP-DEM_")
        yield product_type.removeprefix("COP-DEM_").rpartition("-")[0]
        return
    if collection == "SENTINEL-1" and (match := re.fullmatch(r"(.+?)_+\dS(-COG)?", product_type)):
        yield f"{match[1]}{match[2] or ''}"
        return
    yield folded
    if collection == "SENTINEL-2" and (match := re.search(r"MSI_?L?(\d[A-Za-z]+)", product_type)):
        yield from (f"L{match[1]}", match[1])
    if collection == "SENTINEL-3" and re.match(r"[A-Z]{2}_\d_", product_type):
        yield _folded(product_type[5:])
    if collection == "SENTINEL-5P":
        yield _folded(product_type[4:])


def _meant(collection: str, name: str) -> tuple[str, ...]:
    """The types and groups a name may stand for."""
    exact, short = _index(collection)
    folded = _folded(name)
    rest = folded.removeprefix(_PREFIXES.get(collection, folded))
    return exact.get(folded) or short.get(folded) or short.get(rest) or exact.get(rest, ())


@lru_cache(maxsize=32)
def _index(collection: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Types by their own folded names, and by their short forms."""
    exact: dict[str, tuple[str, ...]] = {}
    short: dict[str, tuple[str, ...]] = {}
    for known in (*GROUPS.get(collection, {}), *PRODUCT_TYPES[collection]):
        exact[_folded(known)] = (known,)
        for form in {_folded(form) for form in _shortened(collection, known)}:
            short[form] = (*short.get(form, ()), known)
    return exact, short
