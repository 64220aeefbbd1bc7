"""Queries pasted from a web interface."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest

from s2fetch.errors import QueryError
from s2fetch.vocabulary import read_hub_query, restricts_collection

FILTER = (
    "Collection/Name eq 'SENTINEL-1' and contains(Name,'VV&VH') and ContentDate/Start ge 2024-06-01"
)
ADDRESS = "https://catalogue.example/odata/v1/Products"


@pytest.mark.parametrize(
    "text",
    [
        FILTER,
        f"  {FILTER}\n",
        f"$filter={FILTER}",
        f"?$filter={FILTER}&$top=20",
        f"{ADDRESS}?$filter={FILTER}&$orderby=ContentDate/Start desc&$top=20",
        f"{ADDRESS}?$filter={quote(FILTER)}",
        f"{ADDRESS}?%24filter={quote_plus(FILTER)}&%24top=100&%24skip=100",
        f"{ADDRESS}?$top=10&$expand=Attributes&$filter={quote_plus(FILTER)}&$count=True",
        f"$filter={FILTER.replace('&', '%26')}",
        quote(FILTER),
    ],
)
def test_the_filter_is_taken_out_of_whatever_was_copied(text: str) -> None:
    """Bare, with its name, or as a whole address; percent-encoded or not."""
    assert read_hub_query(text) == FILTER


def test_an_offset_in_a_bare_filter_keeps_its_plus() -> None:
    """Only in an encoded address is a plus a blank."""
    text = "ContentDate/Start ge 2024-06-01T00:00:00+02:00"
    assert read_hub_query(text) == text
    assert read_hub_query(f"$filter={quote(text)}") == text


def test_the_query_of_an_opensearch_is_taken_too() -> None:
    """For hubs that run the Data Hub Software."""
    text = 'platformname:Sentinel-5 AND footprint:"Intersects(POLYGON((0 0,1 1,1 0,0 0)))"'
    assert read_hub_query(text) == text
    address = f"https://hub.example/dhus/search?start=0&rows=100&q={quote_plus(text)}&format=json"
    assert read_hub_query(address) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Name eq 'a", "quote that is not closed"),
        ("(Name eq 'a'", "parentheses"),
        ("Name eq 'a') or (Name eq 'b'", "parentheses"),
        ("Name eq 'a')", "parentheses"),
        (f"{ADDRESS}?$top=10", "holds no"),
        ("$filter=&$top=10", "holds no query"),
    ],
)
def test_what_could_not_stand_in_parentheses_is_refused(text: str, said: str) -> None:
    """It is put together with other conditions, and must not get out of its own."""
    with pytest.raises(QueryError, match=said):
        read_hub_query(text)


@pytest.mark.parametrize("text", ["Name eq ')'", "Name eq 'it''s ('", "not (a eq 1 or (b eq 2))"])
def test_parentheses_and_quotes_inside_strings_do_not_count(text: str) -> None:
    """They are data."""
    assert read_hub_query(text) == text


@pytest.mark.parametrize(
    ("text", "restricts"),
    [
        (FILTER, True),
        ("Online eq true and (Collection/Name eq 'A' or Collection/Name eq 'B')", True),
        ("contains(Name,'Collection/Name')", False),
        ("platformname:Sentinel-1 AND producttype:SLC", True),
        ("Online eq true", False),
        ("", False),
    ],
)
def test_a_collection_counts_outside_of_strings_only(text: str, restricts: bool) -> None:
    """Whatever it is compared with: the user has thought of it."""
    assert restricts_collection(text) is restricts
