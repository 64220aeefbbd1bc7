"""A synthetic catalogue answers like a list of the same rows would."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.embedded.entry import hub_time
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.listing import Ordering
from s2fetch.embedded.odata_filter import (
    And,
    AttributeMatch,
    Comparison,
    Expression,
    Moment,
    Not,
    Or,
    TextMatch,
    parse_filter,
)
from s2fetch.embedded.spans import Runs, complement, intersection, union
from s2fetch.embedded.synthetic import SyntheticCatalogue
from tests.conftest import HubFactory
from tests.embedded.conftest import Visitor

COUNT = 23
FIRST = datetime(2024, 6, 1, 10, tzinfo=UTC)
STEP = timedelta(minutes=10)
CATALOGUE = SyntheticCatalogue(COUNT, first=FIRST, step=STEP, same_start=4)
ROWS = [CATALOGUE.row(number) for number in range(COUNT)]
LISTED = FolderCatalogue((row, b"") for row in ROWS)

MOMENTS = st.one_of(
    st.sampled_from([row.sensing_start for row in ROWS]),
    st.sampled_from([row.publication_date for row in ROWS]),
    st.integers(-30, 400).map(lambda minutes: hub_time(FIRST + timedelta(minutes=minutes))),
).map(Moment)
TIMES = ("ContentDate/Start", "ContentDate/End", "PublicationDate", "ModificationDate")
ATOMS: st.SearchStrategy[Expression] = st.one_of(
    st.builds(
        Comparison,
        st.sampled_from(TIMES),
        st.sampled_from(("eq", "ne", "lt", "le", "gt", "ge")),
        MOMENTS,
    ),
    st.builds(
        Comparison, st.just("Name"), st.just("eq"), st.sampled_from([row.name for row in ROWS])
    ),
    st.builds(Comparison, st.just("Id"), st.just("eq"), st.sampled_from([r.id for r in ROWS])),
    st.builds(Comparison, st.just("Online"), st.just("eq"), st.booleans()),
    st.builds(TextMatch, st.just("contains"), st.sampled_from(("T32TQM", "S2A", "R00"))),
    st.builds(
        AttributeMatch,
        st.just("productType"),
        st.sampled_from(("eq", "ne")),
        st.sampled_from(("S2MSI1C", "S2MSI2A")),
    ),
    st.builds(AttributeMatch, st.just("cloudCover"), st.just("le"), st.integers(0, 100)),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@given(
    EXPRESSIONS,
    st.booleans(),
    st.sampled_from(("ContentDate/Start", "PublicationDate")),
    st.integers(0, 25),
    st.integers(0, 25),
)
def test_it_finds_what_a_list_of_its_rows_finds(
    expression: Expression, descending: bool, path: str, skip: int, top: int
) -> None:
    """The same rows in the same order, and the same count, for any filter, order and page."""
    ordering = Ordering(path, descending)
    found = CATALOGUE.search(expression, ordering, skip, top)
    expected = LISTED.search(expression, ordering, skip, top)
    assert list(found.rows) == list(expected.rows)
    assert found.total == expected.total


def test_without_an_order_every_row_comes_once() -> None:
    """Shuffled anew for each search, complete within one page."""
    pages = [CATALOGUE.search(None, None, 0, 100).rows for _ in range(5)]
    assert all({row.id for row in page} == {row.id for row in ROWS} for page in pages)
    assert len({tuple(row.id for row in page) for page in pages}) > 1


def test_rows_are_found_by_name_and_id() -> None:
    """Both without a scan, and unknown ones not at all."""
    many = SyntheticCatalogue(1_000_000)
    row = many.row(987_654)
    assert many.entry(row.id) == row
    assert many.named([row.name, "unknown"]) == [row]
    assert many.search(parse_filter(f"Name eq '{row.name}'"), None, 0, 10).rows == [row]
    assert many.entry("5e7f0000-5e7f-4000-8000-0000ffffffff") is None
    with pytest.raises(IndexError):
        many.row(1_000_000)


def test_neighbours_share_their_start() -> None:
    """As many rows as asked for have one ContentDate and different names."""
    starts = itertools.groupby(ROWS, key=lambda row: row.sensing_start)
    assert [len(list(group)) for _, group in starts] == [4, 4, 4, 4, 4, 3]
    assert len({row.name for row in ROWS}) == COUNT


async def test_it_can_be_served_and_downloaded(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Every product is the body it was given; without one there is nothing to download."""
    hub = await hub_factory(SyntheticCatalogue(10, body=b"PK\3\4"))
    text = "ContentDate/Start lt 2015-07-06T10:40:00Z"
    page = (await visitor.search(hub, filter=text, count="true")).json()
    assert page["@odata.count"] == len(page["value"]) == 8
    entry = hub.catalogue.entry(page["value"][0]["Id"])
    assert entry is not None
    assert (await visitor.download(hub, entry)).body == b"PK\3\4"
    bare = await hub_factory(SyntheticCatalogue(10))
    assert (await visitor.download(bare, entry)).status == 404


def test_a_relisted_row_is_shown_as_told() -> None:
    """Retrieval and tests change single rows."""
    catalogue = SyntheticCatalogue(5)
    row = catalogue.row(3)
    catalogue.relist(row.id, online=False)
    shown = catalogue.entry(row.id)
    assert shown is not None
    assert shown.online is False
    with pytest.raises(KeyError):
        catalogue.relist("unknown")


NUMBERS = st.sets(st.integers(0, 30))


def spans_of(numbers: set[int]) -> tuple[tuple[int, int], ...]:
    return union((number, number + 1) for number in numbers)


@given(NUMBERS, NUMBERS)
def test_spans_are_sets_of_numbers(left: set[int], right: set[int]) -> None:
    """Union, intersection and complement are those of sets."""
    one, other = spans_of(left), spans_of(right)
    assert list(Runs(one)) == sorted(left)
    assert set(Runs(union(one + other))) == left | right
    assert set(Runs(intersection(one, other))) == left & right
    assert set(Runs(complement(one, 31))) == set(range(31)) - left
    assert [Runs(one)[place] for place in range(len(left))] == sorted(left)
