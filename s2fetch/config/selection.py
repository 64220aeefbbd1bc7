"""The settings that select products."""

from __future__ import annotations

from s2fetch.config import parsers
from s2fetch.config.parsers import choice, many, whole
from s2fetch.config.restrictions import RESTRICTIONS
from s2fetch.config.setting import Setting
from s2fetch.query import AreaRelation, Order
from s2fetch.vocabulary import COLLECTIONS, ORBIT_DIRECTIONS

COLLECTION = Setting(
    name="collection",
    group="Selection",
    parse=parsers.text,
    help="Collection of the catalogue; may be left out where the product type tells it",
    default="SENTINEL-2",
    example="SENTINEL-2",
    metavar="NAME",
    choices=COLLECTIONS,
)
PRODUCT_TYPE = Setting(
    name="product-type",
    group="Selection",
    parse=many(parsers.text),
    help="Product types to take, such as S2MSI1C, GRD, OL_1_EFR or L2__NO2 (see s2fetch products)",
    example="S2MSI1C",
    metavar="TYPE",
    many=True,
)
FROM = Setting(
    name="from",
    group="Selection",
    parse=parsers.instant_or_list,
    help="Sensed at or after this time (UTC unless it names a zone); or a list, see from-list",
    example="2024-06-01",
    metavar="TIME",
    once=True,
)
TO = Setting(
    name="to",
    group="Selection",
    parse=parsers.instant,
    help="Sensed before this time, which is not included",
    example="2024-07-01",
    metavar="TIME",
)
PUBLISHED_FROM = Setting(
    name="published-from",
    group="Selection",
    parse=parsers.instant,
    help="Published by the hub (on hubs of the kind dhus: ingested) at or after this time",
    example="-24h",
    metavar="TIME",
)
PUBLISHED_TO = Setting(
    name="published-to",
    group="Selection",
    parse=parsers.instant,
    help="Published before this time, which is not included",
    example="2024-07-01",
    metavar="TIME",
)
BOX = Setting(
    name="box",
    group="Selection",
    parse=parsers.box,
    help="Area of interest as west, south, east, north in degrees",
    example="11.0,46.0,12.5,47.0",
    metavar="W,S,E,N",
)
WKT = Setting(
    name="wkt",
    group="Selection",
    parse=parsers.text,
    help="Area of interest as WKT in longitude and latitude",
    example="POLYGON((11 46,12 46,12 47,11 46))",
    metavar="WKT",
)
AREA_FILE = Setting(
    name="area-file",
    group="Selection",
    parse=parsers.paths,
    help="Area of interest from files: GeoJSON, WKT, KML, KMZ, shapefile, GeoPackage, or images",
    example="area.geojson",
    metavar="FILE",
    many=True,
)
AREA_TILE = Setting(
    name="area-tile",
    group="Selection",
    parse=many(parsers.text),
    help="Area of interest as the ground that MGRS tiles cover, whatever tiles products are cut to",
    example="32TQM",
    metavar="TILE",
    many=True,
)
AREA_PRODUCT = Setting(
    name="area-product",
    group="Selection",
    parse=parsers.name_or_path,
    help="Area of interest as the footprint of a product: its name, or its folder or zip on disk",
    example="S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212.SAFE",
    metavar="PRODUCT",
)
AREA_RELATION = Setting(
    name="area-relation",
    group="Selection",
    parse=choice(AreaRelation),
    help="Whether footprints intersect the area, contain all of it, or lie within it",
    default="intersects",
    example="contains",
    metavar="RELATION",
    choices=tuple(AreaRelation),
)
AREA_OVERLAP = Setting(
    name="area-overlap",
    group="Selection",
    parse=parsers.percent,
    help="Least overlap of footprint and area, in percent of the smaller of the two",
    default="0",
    example="10",
    metavar="PERCENT",
)
CLOUD = Setting(
    name="cloud",
    group="Selection",
    parse=parsers.cloud,
    help="Cloud cover in percent, a range or the most there may be",
    example="0..20",
    metavar="RANGE",
)
RELATIVE_ORBIT = Setting(
    name="relative-orbit",
    group="Selection",
    parse=many(whole(1, example=65)),
    help="Relative orbits, 1 to 143 for Sentinel-2",
    example="65",
    metavar="N",
    many=True,
)
ORBIT_DIRECTION = Setting(
    name="orbit-direction",
    group="Selection",
    parse=parsers.text,
    help="Direction of the orbit",
    example="DESCENDING",
    metavar="DIRECTION",
    choices=ORBIT_DIRECTIONS,
)
TILE = Setting(
    name="tile",
    group="Selection",
    parse=many(parsers.text),
    help="MGRS tiles",
    example="32TQM",
    metavar="TILE",
    many=True,
)
PLATFORM = Setting(
    name="platform",
    group="Selection",
    parse=many(parsers.text),
    help="Platforms, such as S2A",
    example="S2A",
    metavar="PLATFORM",
    many=True,
)
BASELINE = Setting(
    name="baseline",
    group="Selection",
    parse=many(parsers.text),
    help="Processing baselines",
    example="05.10",
    metavar="BASELINE",
    many=True,
)
NAME = Setting(
    name="name",
    group="Selection",
    parse=many(parsers.text),
    help="Exact names of products",
    example="S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212.SAFE",
    metavar="NAME",
    many=True,
)
NAMES_FILE = Setting(
    name="names-file",
    group="Selection",
    parse=parsers.path_or_stdin,
    help="A file with one product name on each line, - for standard input; # begins a comment",
    example="names.txt",
    metavar="FILE",
)
ID = Setting(
    name="id",
    group="Selection",
    parse=many(parsers.identifier),
    help="Identifiers of products, as the hub gives them",
    example="5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b",
    metavar="UUID",
    many=True,
)
FROM_LIST = Setting(
    name="from-list",
    group="Selection",
    parse=parsers.path_or_stdin,
    help="Products that a search listed, in any form; also of sentinelsat and CSO; - for stdin",
    example="search.geojson",
    metavar="FILE",
)
VERSIONS = Setting(
    name="versions",
    group="Selection",
    parse=parsers.versions,
    help="Versions of one acquisition: all, newest, or the first of some streams (RPRO,OFFL,NRTI)",
    default="all",
    example="newest",
    metavar="WHICH",
    many=True,
)
LIMIT = Setting(
    name="limit",
    group="Selection",
    parse=whole(1, example=100),
    help="At most this many products, the first ones in the chosen order",
    example="100",
    metavar="N",
)
EVERYTHING = Setting(
    name="everything",
    group="Selection",
    parse=parsers.flag,
    help="Fetch a whole collection, however large, should nothing else select products",
    default="false",
    example="true",
    metavar="",
    flag=True,
)
ORDER_BY = Setting(
    name="order-by",
    group="Selection",
    parse=choice(Order),
    help="Order of work: by time of sensing, of publication, or what leaves the hub soonest",
    default="sensing",
    example="publication",
    metavar="ORDER",
    choices=tuple(Order),
)
NEWEST_FIRST = Setting(
    name="newest-first",
    group="Selection",
    parse=parsers.flag,
    help="Begin with the newest instead of the oldest",
    default="false",
    example="true",
    metavar="",
    flag=True,
    opposite="oldest-first",
)

SELECTION: tuple[Setting[object], ...] = (
    *(COLLECTION, PRODUCT_TYPE, FROM, TO, PUBLISHED_FROM, PUBLISHED_TO),
    *(BOX, WKT, AREA_FILE, AREA_TILE, AREA_PRODUCT, AREA_RELATION, AREA_OVERLAP),
    *(CLOUD, RELATIVE_ORBIT, ORBIT_DIRECTION, TILE, PLATFORM, BASELINE),
    *RESTRICTIONS,
    *(NAME, NAMES_FILE, ID, FROM_LIST, VERSIONS, LIMIT, EVERYTHING, ORDER_BY, NEWEST_FIRST),
)
