"""The filter language: what is accepted, what it means, what is refused."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.embedded.entry import Attribute, Entry, hub_time
from s2fetch.embedded.odata_filter import (
    DELETED_PATHS,
    And,
    AttributeMatch,
    Comparison,
    Expression,
    FilterError,
    Intersects,
    Moment,
    Not,
    Or,
    TextMatch,
    parse_filter,
)
from s2fetch.embedded.odata_match import condition

START = "2024-06-15T10:15:59.024000Z"
ENTRY = Entry(
    id="5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b",
    name="S2B_MSIL1C_20240615T101559_N0510_R065_T32TQM_20240615T131022.SAFE",
    sensing_start=START,
    sensing_end=START,
    origin_date="2024-06-15T14:20:11.000000Z",
    publication_date="2024-06-15T14:31:45.118204Z",
    modification_date="2024-06-15T14:32:06.901733Z",
    footprint="POLYGON ((11 46, 12 46, 12 47, 11 47, 11 46))",
    attributes=(
        Attribute("productType", "String", "S2MSI1C"),
        Attribute("tileId", "String", "32TQM"),
        Attribute("processorVersion", "String", "05.10"),
        Attribute("cloudCover", "Double", 12.5),
        Attribute("orbitNumber", "Integer", 38400),
        Attribute("sliceProductFlag", "Boolean", True),
        Attribute("processingDate", "DateTimeOffset", "2024-06-15T13:10:22.000000Z"),
    ),
)


def lambda_of(kind: str, name: str, comparison: str, inner: str | None = None) -> str:
    cast = f"OData.CSC.{inner or kind}Attribute/"
    return (
        f"Attributes/OData.CSC.{kind}Attribute/any(a:a/Name eq '{name}' and a/{cast}Value "
        f"{comparison})"
    )


def matches(text: str, entry: Entry = ENTRY) -> bool:
    return condition(parse_filter(text))(entry)


@pytest.mark.parametrize(
    "text",
    [
        f"Name eq '{ENTRY.name}'",
        "Name ne 'another'",
        "contains(Name,'T32TQM') and startswith(Name, 'S2B') and endswith(Name,'.SAFE')",
        "Collection/Name eq 'SENTINEL-2'",
        f"Id eq '{ENTRY.id}'",
        f"Id eq {ENTRY.id.upper()}",
        "Online eq true",
        "not (Online eq false)",
        "ContentDate/Start ge 2024-06-15T10:15:59.024Z",
        "ContentDate/Start le 2024-06-15T10:15:59.024000Z",
        "ContentDate/Start eq 2024-06-15T12:15:59.024+02:00",
        "ContentDate/Start gt 2024-06-15 and ContentDate/End lt 2024-06-16T00:00:00.000Z",
        "ContentDate/Start lt '2024-06-16T00:00:00.000Z'",
        "PublicationDate gt 2024-06-15T14:31 and ModificationDate lt 2024-06-15T14:33:00Z",
        "OriginDate ge 2024-06-15T10:20:11-04:00",
        "OData.CSC.Intersects(area=geography'SRID=4326;POINT(11.5 46.5)')",
        "OData.CSC.Intersects(Footprint=geography'SRID=4326;POINT(11.5 46.5)')",
        (
            "OData.CSC.Intersects(area=geography'SRID=4326;"
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((11.9 46.9,13 46.9,13 48,11.9 46.9)))')"
        ),
        lambda_of("String", "productType", "eq 'S2MSI1C'"),
        lambda_of("Double", "cloudCover", "le 12.50"),
        lambda_of("Double", "cloudCover", "gt 12"),
        lambda_of("Integer", "orbitNumber", "eq 38400"),
        lambda_of("Integer", "orbitNumber", "eq 38400", inner="String"),
        lambda_of("String", "orbitNumber", "eq '38400'"),
        lambda_of("Boolean", "sliceProductFlag", "eq true"),
        lambda_of("DateTimeOffset", "processingDate", "gt 2024-06-15T13:00:00Z"),
        lambda_of("String", "processorVersion", "eq '05.10'"),
        "Attributes/OData.CSC.StringAttribute/any(i0:i0/Name eq 'tileId' and i0/Value eq '32TQM')",
    ],
)
def test_a_filter_that_describes_the_product_matches_it(text: str) -> None:
    """Every form of the documented grammar is read and evaluated."""
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "Name eq 'x'",
        "contains(Name,'t32tqm')",
        "Online eq false",
        "ContentDate/Start gt 2024-06-15T10:15:59.024Z",
        "ContentDate/Start lt 2024-06-15T10:15:59.024Z",
        "ContentDate/Start ge 2024-06-15T10:15:59.024-01:00",
        "OData.CSC.Intersects(area=geography'SRID=4326;POINT(10.5 46.5)')",
        lambda_of("String", "tileId", "eq 'T32TQM'"),
        lambda_of("String", "orbitDirection", "eq 'DESCENDING'"),
        lambda_of("String", "orbitDirection", "ne 'DESCENDING'"),
        lambda_of("Double", "cloudCover", "lt 12.5"),
        lambda_of("String", "processorVersion", "eq '5.1'"),
        lambda_of("Boolean", "sliceProductFlag", "eq false"),
    ],
)
def test_a_filter_that_describes_another_product_does_not_match(text: str) -> None:
    """A tile with its T, a missing attribute or an excluded bound match nothing."""
    assert not matches(text)


def test_a_product_without_footprint_intersects_nothing() -> None:
    """Auxiliary data have no footprint."""
    world = (
        "OData.CSC.Intersects(area=geography'SRID=4326;POLYGON((-180 -90,180 -90,0 90,-180 -90))')"
    )
    bare = Entry(id="i", name="n", sensing_start=START, sensing_end=START, origin_date=START,
                 publication_date=START, modification_date=START)  # fmt: skip
    assert matches(world)
    assert not matches(world, bare)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Name",
        "Name eq",
        "Name eq 'open",
        "Name eq 'x' and",
        "Name eq 'x' Name eq 'y'",
        "(Name eq 'x'",
        "Name = 'x'",
        "Name eq 5",
        "Name EQ 'x'",
        "Nme eq 'x'",
        "Online eq 'true'",
        "Id eq 'nobody'",
        "ContentDate/Start ge 'yesterday'",
        "ContentDate/Start ge datetime'2024-06-01T00:00:00'",
        "ContentDate/Start ge 2024-13-01",
        "Collection/Name eq 'Sentinel2'",
        "contains(Id,'x')",
        "OData.CSC.Intersects(area='POINT(1 1)')",
        "OData.CSC.Intersects(area=geography'POINT(1 1)')",
        "OData.CSC.Intersects(area=geography'SRID=3857;POINT(1 1)')",
        "Attributes/OData.CSC.FloatAttribute/any(a:a/Name eq 'x' and a/Value eq 1)",
        "Attributes/OData.CSC.StringAttribute/any(a:b/Name eq 'x' and a/Value eq 1)",
        "Attributes/OData.CSC.StringAttribute/any(a:a/Name eq 'x' and b/Value eq 1)",
        "(" * 200 + "Online eq true" + ")" * 200,
        "not " * 200 + "Online eq true",
    ],
)
def test_a_malformed_filter_is_refused(text: str) -> None:
    """Syntax errors, unknown names and values of the wrong kind are errors, never empty results."""
    with pytest.raises(FilterError):
        parse_filter(text)


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((0 0,1 1,1 0,0 1,0 0))",
        "POLYGON((0 0,1 1,1 0))",
        "POINT(200 0)",
        "POLYGON EMPTY",
        "CIRCLE(1 2)",
        "LINESTRING(0 0,1 1)",
    ],
)
def test_an_unusable_geometry_is_refused(wkt: str) -> None:
    """Crossing, open, empty, out of range or unknown shapes are errors."""
    expression = parse_filter(f"OData.CSC.Intersects(area=geography'SRID=4326;{wkt}')")
    with pytest.raises(FilterError):
        condition(expression)


def test_and_binds_tighter_than_or() -> None:
    """OData 4.01 part 2, 5.1.1.14: precedence."""
    parsed = parse_filter("Online eq true or Online eq false and Name eq 'x'")
    assert isinstance(parsed, Or)
    assert matches("Online eq true or Online eq false and Name eq 'x'")
    assert not matches("(Online eq true or Online eq false) and Name eq 'x'")


def test_a_doubled_quote_is_a_quote() -> None:
    """OData 4.01 part 2, 5.1.1.6.1: string literals."""
    assert parse_filter("Name eq 'it''s'") == Comparison("Name", "eq", "it's")


def test_tombstones_have_properties_of_their_own() -> None:
    """`DeletionDate` is known among tombstones only, `Online` among products only."""
    parse_filter("DeletionDate ge 2024-06-01", DELETED_PATHS)
    with pytest.raises(FilterError):
        parse_filter("DeletionDate ge 2024-06-01")
    with pytest.raises(FilterError):
        parse_filter("Online eq true", DELETED_PATHS)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.integers(-(10**15), 10**15).map(
    lambda microseconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
ATOMS: st.SearchStrategy[Expression] = st.one_of(
    st.builds(Comparison, st.just("Name"), st.sampled_from(("eq", "ne")), TEXTS),
    st.builds(
        Comparison,
        st.sampled_from(("ContentDate/Start", "ModificationDate")),
        st.sampled_from(("lt", "le", "gt", "ge")),
        st.builds(lambda moment: Moment(hub_time(moment)), MOMENTS),
    ),
    st.builds(Comparison, st.just("Online"), st.just("eq"), st.booleans()),
    st.builds(TextMatch, st.sampled_from(("contains", "startswith", "endswith")), TEXTS),
    st.builds(
        AttributeMatch,
        TEXTS,
        st.sampled_from(("eq", "le", "gt")),
        st.one_of(TEXTS, st.integers(-(10**9), 10**9), st.booleans()),
    ),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)


def written(expression: Expression) -> str:
    match expression:
        case And(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case Or(parts):
            return " or ".join(f"({written(part)})" for part in parts)
        case Not(part):
            return f"not ({written(part)})"
        case Comparison(path, operator, value):
            return f"{path} {operator} {literal(value)}"
        case TextMatch(function, text):
            return f"{function}(Name,{literal(text)})"
        case AttributeMatch(name, operator, value):
            return (
                f"Attributes/OData.CSC.StringAttribute/any(x:x/Name eq {literal(name)} and "
                f"x/OData.CSC.StringAttribute/Value {operator} {literal(value)})"
            )
        case Intersects(wkt):
            return f"OData.CSC.Intersects(area=geography'SRID=4326;{wkt}')"


def literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Moment):
        return value.text
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


@given(EXPRESSIONS)
def test_what_was_written_is_read_again(expression: Expression) -> None:
    """Parsing inverts writing, whatever texts, quotes and nesting there are."""
    assert parse_filter(written(expression)) == expression


@given(EXPRESSIONS)
def test_an_expression_and_its_negation_never_agree(expression: Expression) -> None:
    """The evaluator is total, and `not` is the opposite."""
    assert condition(expression)(ENTRY) is not condition(Not(expression))(ENTRY)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No input makes the parser fail in another way; what it reads can be written again."""
    with contextlib.suppress(FilterError):
        parsed = parse_filter(text)
        assert parse_filter(written(parsed)) == parsed


@given(MOMENTS, st.integers(-3600, 3600))
def test_times_compare_as_moments(moment: datetime, seconds: int) -> None:
    """The catalogue's text form of times sorts like the times themselves."""
    other = moment + timedelta(seconds=seconds)
    assert (hub_time(moment) < hub_time(other)) is (moment < other)
