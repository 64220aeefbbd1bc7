"""Products with everything a catalogue may list, made at random."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from s2fetch.product import Algorithm, AttributeValue, Checksum, Product
from tests.drawing import one_of
from tests.names import moments, names

FOOTPRINTS = (
    None,
    "POLYGON ((11 46, 12 46, 12 47, 11 47, 11 46))",
    "POLYGON ((11 46, 12 46, 12 47, 11 47, 11 46), (11.2 46.2, 11.4 46.2, 11.4 46.4, 11.2 46.2))",
    "MULTIPOLYGON (((178 1, 180 1, 180 2, 178 2, 178 1)), ((-180 1, -179 1, -179 2, -180 1)))",
)
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES: st.SearchStrategy[AttributeValue] = st.one_of(
    ANY_TEXT, st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), st.booleans()
)


def url_of(product: Product) -> str:
    """As the Copernicus Data Space has it."""
    return f"https://download.example/odata/v1/Products({product.id})/$value"


fractions = st.integers(0, 999_999).map(lambda number: timedelta(microseconds=number))
times = st.none() | st.builds(lambda moment, rest: moment + rest, moments, fractions)
"""Times to the microsecond, or none."""
ids = st.uuids()
sizes = st.none() | st.integers(1, 2**40)
digests = st.text("0123456789abcdef", min_size=32, max_size=32)
checksums = st.just(()) | st.tuples(st.builds(Checksum, st.just(Algorithm.MD5), digests))
attributes = st.dictionaries(
    st.sampled_from(["cloudCover", "orbitNumber", "tileId", "orbitDirection", "id", "x y", "ß"]),
    VALUES,
    max_size=5,
)


@st.composite
def products(draw: st.DrawFn) -> Product:
    """One product of any mission."""
    return Product(
        id=str(draw(ids)),
        name=draw(names),
        collection=draw(one_of("SENTINEL-2", "SENTINEL-5P", "")),
        size=draw(sizes),
        checksums=draw(checksums),
        online=draw(st.booleans()),
        sensing_start=draw(times),
        sensing_end=draw(times),
        published=draw(times),
        modified=draw(times),
        evicted=draw(times),
        footprint=draw(one_of(*FOOTPRINTS)),
        attributes=draw(attributes),
    )


listings = st.lists(products(), min_size=1, max_size=6, unique_by=lambda product: product.name)


def sentinel_2(**changes: Any) -> Product:
    """One ordinary product."""
    start = datetime(2024, 6, 1, 10, 10, 31, 24_000, UTC)
    known: dict[str, Any] = {
        "id": "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b",
        "name": "S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212.SAFE",
        "collection": "SENTINEL-2",
        "size": 800_000_000,
        "checksums": (Checksum(Algorithm.MD5, "0f343b0931126a20f133d67c2b018a3b"),),
        "sensing_start": start,
        "sensing_end": start,
        "published": start + timedelta(hours=4),
        "modified": start + timedelta(hours=5),
        "footprint": FOOTPRINTS[1],
        "attributes": {
            "cloudCover": 12.5,
            "orbitNumber": 46_700,
            "relativeOrbitNumber": 22,
            "orbitDirection": "DESCENDING",
            "tileId": "32TQM",
            "productType": "S2MSI1C",
            "platformShortName": "SENTINEL-2",
            "instrumentShortName": "MSI",
            "processorVersion": "05.10",
        },
    }
    return Product(**(known | changes))
