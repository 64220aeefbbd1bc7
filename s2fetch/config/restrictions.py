"""The settings that restrict attributes, by a word of every mission or by their own names."""

from __future__ import annotations

from s2fetch.config import parsers
from s2fetch.config.parsers import many
from s2fetch.config.setting import Setting

ORBIT = Setting(
    name="orbit",
    group="Selection",
    parse=many(parsers.span),
    help="Absolute orbits, numbers or ranges such as 12000..12010",
    example="12000..12010",
    metavar="N",
    many=True,
)
POLARISATION = Setting(
    name="polarisation",
    group="Selection",
    parse=many(parsers.text),
    help="Polarisations, such as VV+VH; VV alone is single polarisation",
    example="VV+VH",
    metavar="POL",
    many=True,
)
SWATH = Setting(
    name="swath",
    group="Selection",
    parse=many(parsers.text),
    help="Swaths as the catalogue has them, such as IW or S3",
    example="IW",
    metavar="SWATH",
    many=True,
)
TIMELINESS = Setting(
    name="timeliness",
    group="Selection",
    parse=many(parsers.text),
    help="How soon after sensing it was made: NR, ST, NT; Fast-24h, NRT-3h for Sentinel-1",
    example="NT",
    metavar="CLASS",
    many=True,
)
PROCESSING_LEVEL = Setting(
    name="processing-level",
    group="Selection",
    parse=many(parsers.text),
    help="Processing levels as the catalogue has them, such as S2MSI2A",
    example="S2MSI2A",
    metavar="LEVEL",
    many=True,
)
PROCESSING_MODE = Setting(
    name="processing-mode",
    group="Selection",
    parse=many(parsers.text),
    help="Streams of Sentinel-5P: NRTI, OFFL, RPRO",
    example="OFFL",
    metavar="MODE",
    many=True,
)
SENSOR_MODE = Setting(
    name="sensor-mode",
    group="Selection",
    parse=many(parsers.text),
    help="Modes of the instrument, such as IW, EW, WV, SM for Sentinel-1",
    example="IW",
    metavar="MODE",
    many=True,
)
PROCESSOR_VERSION = Setting(
    name="processor-version",
    group="Selection",
    parse=many(parsers.text),
    help="Versions of the processor as the catalogue has them",
    example="020601",
    metavar="VERSION",
    many=True,
)
WHERE = Setting(
    name="where",
    group="Selection",
    parse=parsers.lines,
    help="Conditions on any attribute, all of which have to hold (see s2fetch products)",
    example="orbitNumber>=12000",
    metavar="CONDITION",
    many=True,
)
QUERY = Setting(
    name="query",
    group="Selection",
    parse=parsers.text,
    help="A query in the hub's own language, or the address of one, in addition to all else",
    example="contains(Name,'_N0510_')",
    metavar="TEXT",
)

RESTRICTIONS: tuple[Setting[object], ...] = (
    *(ORBIT, POLARISATION, SWATH, TIMELINESS, PROCESSING_LEVEL, PROCESSING_MODE, SENSOR_MODE),
    *(PROCESSOR_VERSION, WHERE, QUERY),
)
