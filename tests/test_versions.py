"""Recognising versions of one acquisition in a listing that passes by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch import naming
from s2fetch.product import Product
from s2fetch.versions import REMEMBERED, OtherVersions, VersionWindow
from tests.names import stamp
from tests.rows import product_of, said_by

START = datetime(2024, 6, 1, tzinfo=UTC)
ORBIT = timedelta(minutes=101)
FIVE = timedelta(minutes=5)


def no2(stream: str, orbit: int, start: datetime, length: timedelta, made: timedelta) -> Product:
    """A product of Sentinel-5P."""
    end = start + length
    return product_of(
        f"S5P_{stream}_L2__NO2____{stamp(start)}_{stamp(end)}_{orbit:05}_03_020600"
        f"_{stamp(end + made)}.nc"
    )


def granules(orbit: int, start: datetime) -> list[Product]:
    """The near-real-time granules of an orbit."""
    hour = timedelta(hours=1)
    return [no2("NRTI", orbit, start + FIVE * number, FIVE, hour) for number in range(20)]


def tile(baseline: str, made: str, footprint: str | None = None, name: str = "32TQM") -> Product:
    """A tile of one datatake of Sentinel-2."""
    return product_of(
        f"S2A_MSIL1C_20240601T101031_N{baseline}_R022_T{name}_{made}T121212.SAFE",
        footprint=footprint,
    )


def in_order(products: Iterable[Product], newest_first: bool = False) -> list[Product]:
    """As a catalogue lists them."""
    return sorted(products, key=lambda p: (p.sensing_start, p.id), reverse=newest_first)


def settle(
    products: Sequence[Product], streams: tuple[str, ...] = (), *, newest_first: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Names of what stays, in order, and what supersedes the others."""
    window = VersionWindow(streams, newest_first=newest_first)
    settled = [one for product in products for one in window.add(product)]
    settled += window.rest()
    assert [one.product for one in settled] == list(products)
    kept = [one.product.name for one in settled if one.superseded_by is None]
    dropped = {one.product.name: one.superseded_by.name for one in settled if one.superseded_by}
    return kept, dropped


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_older_baseline_is_superseded_by_the_newer_one(newest_first: bool) -> None:
    """Also when the last field of the newer one is the earlier time."""
    old, new = tile("0209", "20240701"), tile("0510", "20240601")
    other = tile("0209", "20240701", name="32TPM")
    listing = in_order([old, new, other], newest_first)
    kept, dropped = settle(listing, newest_first=newest_first)
    assert set(kept) == {new.name, other.name}
    assert dropped == {old.name: new.name}


def test_a_preferred_stream_beats_a_later_processing() -> None:
    """And a stream that is not among the preferred ones comes last."""
    offline = no2("OFFL", 1, START, ORBIT, timedelta(days=1))
    again = no2("RPRO", 1, START, ORBIT, timedelta(days=90))
    test = no2("TEST", 1, START, ORBIT, timedelta(days=99))
    listing = in_order([offline, again, test])
    assert settle(listing)[0] == [test.name]
    assert settle(listing, ("OFFL", "RPRO"))[0] == [offline.name]
    assert settle(listing, ("PAL", "RPRO"))[0] == [again.name]
    assert settle(listing, ("NRTI",))[0] == [test.name]


@pytest.mark.parametrize("newest_first", [False, True])
def test_near_real_time_granules_give_way_to_the_orbit_that_covers_them(newest_first: bool) -> None:
    """All but those that the orbit does not cover; other orbits' are left alone."""
    whole = no2("OFFL", 1, START, ORBIT - timedelta(minutes=6), timedelta(days=1))
    own, others = granules(1, START), granules(2, START + ORBIT)
    listing = in_order([whole, *own, *others], newest_first)
    kept, dropped = settle(listing, newest_first=newest_first)
    uncovered = own[-1]
    assert set(kept) == {whole.name, uncovered.name, *(p.name for p in others)}
    assert set(dropped.values()) == {whole.name}


def test_two_parts_of_one_tile_are_no_versions_of_each_other() -> None:
    """Cut where the reception changed stations: same datatake, same tile, other ground."""
    north = tile("0510", "20240601", "POLYGON((11 46.4,12 46.4,12 47,11 47,11 46.4))")
    south = tile("0510", "20240602", "POLYGON((11 46,12 46,12 46.4,11 46.4,11 46))")
    assert settle(in_order([north, south]))[1] == {}
    whole = tile("0511", "20240603", "POLYGON((11 46,12 46,12 47,11 47,11 46))")
    assert settle(in_order([north, south, whole]))[0] == [whole.name]


def test_ground_that_cannot_be_read_is_not_taken_for_covered() -> None:
    """Nothing is left out on a guess."""
    one, other = tile("0510", "20240601", "POLYGON((1 2"), tile("0511", "20240602", "POINT(1 2)")
    assert settle(in_order([one, other]))[1] == {}


def test_of_the_same_name_listed_twice_the_one_published_later_stays() -> None:
    """Catalogues have duplicates."""
    first = tile("0510", "20240601")
    later = product_of(first.name, id="0", published=first.published and first.published + FIVE)
    window = VersionWindow()
    settled = [*window.add(first), *window.add(later), *window.rest()]
    assert [one.superseded_by for one in settled] == [later, None]


def test_names_of_no_known_family_are_never_superseded() -> None:
    """Nor do they wait longer than what was listed before them."""
    unknown = Product(id="1", name="LC08_L1TP_192027", sensing_start=START)
    timeless = Product(id="2", name="A_B_C")
    window = VersionWindow()
    assert [one.product for one in window.add(timeless)] == [timeless]
    assert [one.product for one in window.add(unknown)] == [unknown]
    granule = granules(1, START)[0]
    assert list(window.add(granule)) == []
    assert list(window.add(timeless)) == []
    assert [one.product for one in window.rest()] == [granule, timeless]


acquisitions = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["OFFL", "RPRO", "NRTI"]), st.integers(1, 9)),
    max_size=8,
)


@settings(max_examples=60)
@given(made=acquisitions, preferred=st.permutations(["OFFL", "RPRO", "NRTI"]), down=st.booleans())
def test_the_window_finds_what_looking_at_everything_at_once_finds(
    made: list[tuple[int, str, int]], preferred: list[str], down: bool
) -> None:
    """Its limited view loses nothing, in either direction."""
    products = {
        product.name: product
        for orbit, stream, days in made
        for product in (
            granules(orbit, START + ORBIT * orbit)
            if stream == "NRTI"
            else [no2(stream, orbit, START + ORBIT * orbit, ORBIT, timedelta(days=days))]
        )
    }
    listing = in_order(products.values(), down)
    kept, _ = settle(listing, tuple(preferred), newest_first=down)
    assert kept == [p.name for p in listing if not _superseded(p, listing, preferred)]


def _superseded(product: Product, listing: list[Product], preferred: list[str]) -> bool:
    mine = said_by(product.name)
    for other in listing:
        if "NRTI" in product.name and "NRTI" in other.name:
            continue  # granules of one orbit follow each other
        its = said_by(other.name)
        better = (-preferred.index(its.streams[0]), its.version, other.published, other.id) > (
            -preferred.index(mine.streams[0]),
            mine.version,
            product.published,
            product.id,
        )
        if better and its.acquisition == mine.acquisition and its.covers(mine):
            return True
    return False


@pytest.mark.parametrize("newest_first", [False, True])
def test_what_is_held_back_does_not_grow_with_the_listing(newest_first: bool) -> None:
    """Three days take no more than one, and both a small part of all."""

    def most_held(orbits: int) -> int:
        every = range(orbits)
        listing = in_order(
            (
                product
                for n in every
                for product in (
                    *granules(n, START + ORBIT * n),
                    no2("OFFL", n, START + ORBIT * n, ORBIT, timedelta(days=1)),
                )
            ),
            newest_first,
        )
        window = VersionWindow(newest_first=newest_first)
        most = 0
        for product in listing:
            list(window.add(product))
            most = max(most, window.size)
        return most

    assert most_held(14) == most_held(42) < 100


def test_years_of_validity_are_not_remembered_for_years() -> None:
    """Auxiliary data may be valid until the end of the century."""
    window = VersionWindow()
    name = "S3__GN_1_MANTAX_{}_20991231T235959_20160908T120000___________________MPC_O_AL_001.SEN3"
    for day in range(400):
        product = product_of(name.format(stamp(START + timedelta(days=day))))
        list(window.add(product))
    assert window.size < 5


def test_other_versions_are_counted_where_all_are_taken() -> None:
    """Each version after the first counts one; what is no version does not."""
    counter = OtherVersions()
    whole = no2("OFFL", 1, START, ORBIT, timedelta(days=1))
    listing = [
        *(tile("0209", "20240601"), tile("0500", "20240602"), tile("0510", "20240603")),
        tile("0510", "20240603", name="32TPM"),
        *(whole, *granules(1, START)[:3], *granules(2, START + ORBIT)[:3]),
        Product(id="1", name="LC08_L1TP_192027"),
    ]
    for product in listing:
        counter.add(product)
    assert counter.count == 2 + 3


def test_the_count_of_other_versions_remembers_a_limited_number() -> None:
    """Whatever the order of the listing."""
    counter = OtherVersions()
    for number in range(REMEMBERED + 500):
        counter.add(no2("NRTI", number, START + ORBIT * number, FIVE, FIVE))
    assert REMEMBERED // 2 <= counter.size <= REMEMBERED
    assert counter.count == 0


def test_streams_of_every_mission_are_those_that_names_have() -> None:
    """A preference for anything else could never be met."""
    known = {stream for streams in naming.STREAMS.values() for stream in streams}
    names = [
        no2("PAL_", 1, START, ORBIT, FIVE).name,
        (
            "S3A_OL_1_EFR____20230601T101210_20230601T101510_20230601T120000_0179_099_236_2160"
            "_PS1_R_NT_003.SEN3"
        ),
    ]
    for name in names:
        assert set(said_by(name).streams) <= known
