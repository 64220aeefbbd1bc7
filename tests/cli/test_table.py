"""The table of a terminal: whole names first, then what there is room for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from s2fetch.cli.table import NAME_COLUMNS, table_form
from s2fetch.embedded.missions import mission_products
from s2fetch.product import Product

ENTRIES = [entry for entry, _ in mission_products(1)]


@pytest.mark.parametrize("collection", NAME_COLUMNS)
def test_the_longest_names_have_just_enough_room(collection: str) -> None:
    """They are copied from a terminal that is wide enough, so that nothing may be cut."""
    names = [entry.name for entry in ENTRIES if entry.collection == collection]
    assert max(map(len, names)) == NAME_COLUMNS[collection]
    form = table_form(lambda _: "", (), 200, collection)
    for name in names:
        assert form.row(Product(id="1", name=name, size=1)).startswith(f"{name} ")


@pytest.mark.parametrize(
    ("collection", "width", "headings"),
    [
        ("SENTINEL-2", 59, "NAME SIZE"),
        ("SENTINEL-2", 88, "NAME SIZE CLOUD"),
        ("SENTINEL-2", 89, "NAME SIZE CLOUD ONLINE"),
        ("SENTINEL-2", 107, "NAME SIZE CLOUD ONLINE PUBLISHED"),
        ("SENTINEL-5P", 102, "NAME SIZE"),
        ("SENTINEL-5P", 103, "NAME SIZE ONLINE"),
        ("SENTINEL-3", 141, "NAME SIZE CLOUD ONLINE PUBLISHED"),
        ("", 120, "NAME SIZE CLOUD"),
    ],
)
def test_other_columns_take_no_room_from_whole_names(
    collection: str, width: int, headings: str
) -> None:
    """But clouds do, where products have them."""
    form = table_form(lambda _: "", (), width, collection)
    assert form.head.split() == headings.split()
    long = Product(id="1", name="S" * 120, size=1)
    assert len(form.row(long).rstrip("\n")) <= width


def test_the_time_of_publication_is_shown_to_the_minute() -> None:
    """Seconds would cost the name its room."""
    published = datetime(2024, 6, 1, 13, 5, 59, tzinfo=UTC)
    form = table_form(lambda _: "", (), 107, "SENTINEL-2")
    row = form.row(Product(id="1", name="X", size=1, published=published))
    assert row.endswith("  2024-06-01T13:05\n")
