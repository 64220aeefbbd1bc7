"""What search documents have per mission, from names cut by position and from attributes.

Source: recorded search answers of DHuS hubs; naming conventions of Sentinel-1, -2, -3 and -5P.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from s2fetch.embedded.dhus.solr.matching import Value
from s2fetch.embedded.entry import Entry, read_time

Fields = dict[str, Value]
"""Part of a search document."""
Known = Mapping[str, Value]
"""Fields that attributes gave already."""

_SATELLITES: Mapping[str, str] = {
    "S1A": "2014-016A", "S1B": "2016-025A", "S1C": "2024-235A", "S1D": "2025-251A",
    "S2A": "2015-028A", "S2B": "2017-013A", "S2C": "2024-157A",
    "S3A": "2016-011A", "S3B": "2018-039A", "S5P": "2017-064A",
}  # fmt: skip
_DIRECTIONS = ("DESCENDING", "ASCENDING")
_POLARISATIONS: Mapping[str, str] = {
    "SH": "HH", "SV": "VV", "DH": "HH HV", "DV": "VV VH",
    "HH": "HH", "HV": "HV", "VH": "VH", "VV": "VV",
}  # fmt: skip
_SLC_SWATHS: Mapping[str, str] = {"IW": "IW1 IW2 IW3", "EW": "EW1 EW2 EW3 EW4 EW5"}
_INSTRUMENTS: Mapping[str, tuple[str, str]] = {
    "OL": ("Ocean Land Colour Instrument", "OLCI"),
    "SL": ("Sea and Land Surface Temperature Radiometer", "SLSTR"),
    "SR": ("Synthetic Aperture Radar Altimeter", "SRAL"),
    "MW": ("Microwave Radiometer", "MWR"),
    "DO": ("Doppler Orbitography and Radiopositioning Integrated by Satellite", "DORIS"),
    "GN": ("Global Navigation Satellite System", "GNSS"),
    "SY": ("Synergy", "SYNERGY"),
}
_TIMELINESS: Mapping[str, str] = {
    "NR": "Near Real Time", "ST": "Short Time Critical", "NT": "Non Time Critical",
}  # fmt: skip
_STREAMS: Mapping[str, str] = {
    "OFFL": "Offline", "NRTI": "Near real time", "RPRO": "Reprocessing",
}  # fmt: skip
_S2 = re.compile(
    r"(?P<unit>S2[A-D])_MSI(?P<level>L1C|L2A|L2Ap)_(?P<sensing>\d{8}T\d{6})_N(?P<baseline>\d{4})"
    r"_R(?P<orbit>\d{3})_T(?P<tile>\w{5})_\d{8}T\d{6}"
)
_S2_OLD = re.compile(
    r"(?P<unit>S2[AB])_(?:OPER|USER)_PRD_MSI(?P<level>L1C|L2A)_.{4}_\d{8}T\d{6}_R(?P<orbit>\d{3})"
    r"_V(?P<sensing>\d{8}T\d{6})_\d{8}T\d{6}"
)
_L2A_SHARES = (
    "highprobaclouds", "mediumprobaclouds", "notvegetated", "snowice", "unclassified",
    "vegetation", "water",
)  # fmt: skip


def mission_fields(entry: Entry, name: object, known: Known) -> Fields:
    """The fields a product has by its mission; what is known already is not contradicted.

    Args:
        entry: The product.
        name: Its name without extension.
        known: Fields from its attributes.
    """
    text = str(name)
    if entry.name.endswith(".EOF"):
        return _orbit_file(text)
    for prefix, fields in _MISSIONS.items():
        if text.startswith(prefix):
            return fields(entry, text, known)
    return _other(entry)


def _sentinel_1(entry: Entry, name: str, known: Known) -> Fields:
    mode, kind, polarisation = name[4:6], name[7:10], name[14:16]
    fields = _platform("Sentinel-1", name[:3], "Synthetic Aperture Radar (C-band)", "SAR-C SAR")
    fields |= {"format": "SAFE", "status": "ARCHIVED", "acquisitiontype": "NOMINAL"}
    if name[4:7] == "AUX":
        return fields | {"producttype": f"AUX_{name[8:11]}"}
    mode = "SM" if mode[:1] == "S" and mode[1:].isdigit() else mode
    swath = _SLC_SWATHS.get(mode, name[4:6]) if kind == "SLC" else name[4:6]
    fields |= {
        "sensoroperationalmode": mode,
        "producttype": kind.rstrip("_"),
        "productclass": name[13:14],
        "polarisationmode": _POLARISATIONS.get(polarisation, polarisation),
        "timeliness": known.get("timeliness", "Fast-24h"),
        "swathidentifier": known.get("swathidentifier", swath),
        "orbitdirection": known.get("orbitdirection", _direction(entry)),
        "slicenumber": known.get("slicenumber", 1),
    }
    if name[49:55].isdigit():
        orbit = int(name[49:55])
        first = 27 if name[2:3] == "B" else 73
        fields["orbitnumber"] = orbit
        fields["relativeorbitnumber"] = known.get("relativeorbitnumber", (orbit - first) % 175 + 1)
    if re.fullmatch("[0-9A-F]{6}", name[56:62]):
        fields["missiondatatakeid"] = int(name[56:62], 16)
    return fields


def _sentinel_2(entry: Entry, name: str, known: Known) -> Fields:
    fields = _platform("Sentinel-2", name[:3], "Multi-Spectral Instrument", "MSI")
    fields |= {
        "format": "SAFE",
        "platformserialidentifier": f"Sentinel-{name[1:3]}",
        "orbitdirection": known.get("orbitdirection", "DESCENDING"),
        "sensoroperationalmode": known.get("sensoroperationalmode", "INS-NOBS"),
    }
    match = _S2.match(name) or _S2_OLD.match(name)
    if match is None:
        return fields
    level, groups = match["level"], match.groupdict()
    kind = str(known.get("producttype", ""))
    fields["producttype"] = kind if kind.startswith("S2MSI") else f"S2MSI{level[1:]}"
    fields["processinglevel"] = f"Level-{level[1:]}"
    fields["relativeorbitnumber"] = int(match["orbit"])
    baseline = groups.get("baseline") or "0204"
    fields["processingbaseline"] = f"{baseline[:2]}.{baseline[2:]}"
    orbit = known.get("orbitnumber", 0)
    fields["s2datatakeid"] = (
        f"G{name[:3]}_{match['sensing']}_{orbit:0>6}_N{baseline[:2]}.{baseline[2:]}"
    )
    if baseline >= "0400":
        fields["datatakesensingstart"] = _stamp(match["sensing"])
    if level != "L1C":
        fields |= _l2a_shares(entry)
    tile = groups.get("tile") or ""
    if tile:
        fields["hv_order_tileid"] = tile[3:] + tile[:3]
    return fields


def _sentinel_3(entry: Entry, name: str, known: Known) -> Fields:
    long_name, short_name = _INSTRUMENTS.get(name[4:6], ("", name[4:6]))
    fields = _platform("Sentinel-3", name[:3], long_name, short_name)
    direction = str(known.get("orbitdirection", _direction(entry))).lower()
    level = name[7:8]
    fields |= {
        "format": "SAFE",
        "producttype": name[4:15],
        "productlevel": f"L{level}",
        "processinglevel": level,
        "mode": "Earth Observation",
        "timeliness": _TIMELINESS.get(name[88:90], str(known.get("timeliness", ""))),
        "orbitdirection": direction,
        "passdirection": direction,
        "relorbitdir": direction,
        "relpassdirection": direction,
    }
    if _is_stamp(name[48:63]):
        fields["creationdate"] = _stamp(name[48:63])
    instance = name[64:81]
    if re.match(r"\d{4}_\d{3}_\d{3}", instance):
        fields["cyclenumber"] = int(instance[5:8])
        fields["relativeorbitnumber"] = int(instance[9:12])
        passes = int(instance[9:12]) * 2 - (direction == "ascending")
        fields["passnumber"] = str(passes)
        fields["relpassnumber"] = str(passes)
    return fields


def _sentinel_5p(_entry: Entry, name: str, _known: Known) -> Fields:
    fields = _platform("Sentinel-5", "S5P", "TROPOspheric Monitoring Instrument", "TROPOMI")
    kind = name[9:19]
    fields |= {
        "platformserialidentifier": "Sentinel-5P",
        "format": "NETCDF",
        "producttype": kind,
        "processinglevel": kind[:3].rstrip("_"),
        "processingmode": _STREAMS.get(name[4:8], name[4:8].strip("_")),
    }
    if name[52:57].isdigit():
        fields["orbitnumber"] = int(name[52:57])
    return fields


def _orbit_file(name: str) -> Fields:
    fields: Fields = {
        "platformname": f"Sentinel-{name[1:2]}",
        "platformserialidentifier": name[1:3],
        "producttype": name[9:19],
        "format": "EOF",
    }
    if _is_stamp(name[25:40]):
        fields["generationdate"] = _stamp(name[25:40])
    return fields


def _other(entry: Entry) -> Fields:
    """Any other mission: the platform by its collection, e.g. ``SENTINEL-6``."""
    values = {attribute.name: attribute.value for attribute in entry.attributes}
    platform = str(values.get("platformShortName", entry.collection))
    fields: Fields = {"platformname": platform.replace("SENTINEL", "Sentinel")}
    for field, name in (
        ("instrumentshortname", "instrumentShortName"),
        ("processinglevel", "processingLevel"),
    ):
        if name in values:
            fields[field] = str(values[name])
    return fields


def _platform(mission: str, unit: str, instrument: str, short_name: str) -> Fields:
    return {
        "platformname": mission,
        "platformidentifier": _SATELLITES.get(unit, "0000-000A"),
        "instrumentname": instrument,
        "instrumentshortname": short_name,
    }


def _direction(entry: Entry) -> str:
    """A direction for products that do not tell: morning passes descend."""
    return _DIRECTIONS[read_time(entry.sensing_start).hour >= 15]


def _l2a_shares(entry: Entry) -> Fields:
    """Shares of the scene classification; from the identity, where nothing lists them."""
    digits = re.sub("[^0-9a-f]", "", entry.id) or "0"
    return {
        f"{share}percentage": int(digits[-3 - at : -1 - at] or "0", 16) / 8
        for at, share in enumerate(_L2A_SHARES)
    }


def _is_stamp(text: str) -> bool:
    return re.fullmatch(r"\d{8}T\d{6}", text) is not None


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


_MISSIONS: Mapping[str, Callable[[Entry, str, Known], Fields]] = {
    "S1": _sentinel_1,
    "S2": _sentinel_2,
    "S3": _sentinel_3,
    "S5P": _sentinel_5p,
}
