"""Made-up products of several missions, as an index has them and as the client reads them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from s2fetch.embedded.dhus.documents import search_document
from s2fetch.embedded.dhus.feed import FeedWriter, Page
from s2fetch.embedded.dhus.settings import Generation
from s2fetch.embedded.dhus.solr.matching import Document
from s2fetch.embedded.entry import Attribute, Entry, hub_time
from s2fetch.hub.dhus.answers import parse_feed
from s2fetch.product import Product

FIRST = datetime(2024, 6, 1, 10, 0, 0, tzinfo=UTC)
PUBLISHED_AFTER = timedelta(milliseconds=1700)
TILES = ("32TQM", "32TPM", "04MGV")
BASELINES = ("05.10", "04.00", "02.06")
RADAR_TYPES = ("IW_SLC__1S", "IW_GRDH_1S", "EW_GRDM_1S", "S3_SLC__1S", "WV_OCN__2S", "IW_RAW__0S")
OCEAN_TYPES = ("OL_1_EFR___", "SL_2_LST___", "SR_1_SRA_A_")
GAS_TYPES = ("L2__NO2___", "L2__CH4___", "L1B_RA_BD1")
STREAMS = ("NRTI", "OFFL", "RPRO")


def box(west: float, south: float, width: float, height: float) -> str:
    """A rectangle as WKT."""
    east, north = west + width, south + height
    ring = f"{west} {south},{east} {south},{east} {north},{west} {north},{west} {south}"
    return f"POLYGON(({ring}))"


boxes = st.builds(box, st.integers(0, 6), st.integers(0, 6), st.integers(1, 3), st.integers(1, 3))


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}"


def entry_of(name: str, collection: str, moment: datetime, **changes: Any) -> Entry:
    """What a catalogue lists for a product of this name."""
    when = hub_time(moment)
    listed: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {moment} {changes}")),
        "name": name,
        "collection": collection,
        "content_length": 1000,
        "sensing_start": when,
        "sensing_end": when,
        "origin_date": when,
        "publication_date": hub_time(moment + PUBLISHED_AFTER),
        "modification_date": when,
    }
    return Entry(**(listed | changes))


def optical(chance: Random) -> Entry:
    """A product of Sentinel-2, some of them with no more than its name tells."""
    moment = _moment(chance)
    unit, level = chance.choice("ABC"), chance.choice(("L1C", "L2A"))
    tile, baseline = chance.choice(TILES), chance.choice(BASELINES)
    orbit = chance.randint(1, 143)
    stamp = _stamp(moment)
    name = (
        f"S2{unit}_MSI{level}_{stamp}_N{baseline.replace('.', '')}_R{orbit:03}_T{tile}_{stamp}.SAFE"
    )
    attributes = [
        Attribute("orbitNumber", "Integer", chance.randint(1, 9)),
        Attribute("orbitDirection", "String", chance.choice(("ASCENDING", "DESCENDING"))),
    ]
    if chance.random() < 0.5:
        cloud = chance.choice((0.0, 0.5, 9.5, 20.0, 100.0))
        attributes.append(Attribute("cloudCover", "Double", cloud))
    if chance.random() < 0.5:
        attributes.append(Attribute("tileId", "String", tile))
    return entry_of(
        name, "SENTINEL-2", moment, footprint=_box(chance), attributes=tuple(attributes)
    )


def radar(chance: Random) -> Entry:
    """A product of Sentinel-1."""
    moment, stamp = _moment(chance), _stamp(FIRST)
    kind, polarisation = chance.choice(RADAR_TYPES), chance.choice(("DV", "SV"))
    ending = "_COG" if "GRD" in kind and chance.random() < 0.5 else ""
    orbit, take = chance.randint(80, 89), chance.randint(1, 9)
    name = (
        f"S1{chance.choice('AC')}_{kind}{polarisation}_{stamp}_{stamp}_{orbit:06}"
        f"_{take:06X}_00AB{ending}.SAFE"
    )
    attributes = (
        Attribute("timeliness", "String", chance.choice(("Fast-24h", "NRT-3h"))),
        Attribute("sliceNumber", "Integer", chance.randint(1, 3)),
    )
    return entry_of(name, "SENTINEL-1", moment, footprint=_box(chance), attributes=attributes)


def ocean(chance: Random) -> Entry:
    """A product of Sentinel-3."""
    moment, stamp = _moment(chance), _stamp(FIRST)
    timeliness = chance.choice(("NR", "ST", "NT"))
    name = (
        f"S3{chance.choice('AB')}_{chance.choice(OCEAN_TYPES)}_{stamp}_{stamp}"
        f"_{stamp}_0179_{chance.randint(1, 3):03}_{chance.randint(1, 5):03}_2160"
        f"_MAR_O_{timeliness}_002.SEN3"
    )
    attributes = (Attribute("orbitNumber", "Integer", chance.randint(1, 9)),)
    return entry_of(name, "SENTINEL-3", moment, footprint=_box(chance), attributes=attributes)


def gas(chance: Random) -> Entry:
    """A product of Sentinel-5P."""
    moment, stamp = _moment(chance), _stamp(FIRST)
    name = (
        f"S5P_{chance.choice(STREAMS)}_{chance.choice(GAS_TYPES)}_{stamp}_{stamp}"
        f"_{chance.randint(1, 9):05}_01_010302_{stamp}.nc"
    )
    return entry_of(name, "SENTINEL-5P", moment, footprint=_box(chance))


def _moment(chance: Random) -> datetime:
    return FIRST + timedelta(milliseconds=chance.randint(0, 40) * 250)


def _box(chance: Random) -> str:
    west, south = chance.choices(range(7), k=2)
    width, height = chance.choices(range(1, 4), k=2)
    return box(west, south, width, height)


def answer(*documents: Document, total: int | None = None, generation: Generation) -> bytes:
    """A page of search results with these documents."""
    page = Page(
        query="*",
        start=0,
        rows=99,
        total=len(documents) if total is None else total,
        hits=documents,
        root="http://hub/dhus",
        updated=FIRST,
        json=True,
    )
    return FeedWriter(generation, "A hub").page(page)


def listed(entry: Entry, generation: Generation = Generation.V2) -> tuple[Document, Product]:
    """How the index has a product, and how the client reads it from an answer."""
    document = search_document(entry)
    (product,) = parse_feed(answer(document, generation=generation), "").products
    return document, product
