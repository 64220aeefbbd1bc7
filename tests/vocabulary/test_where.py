"""Conditions as people write them."""

from __future__ import annotations

import pytest

from s2fetch.errors import QueryError
from s2fetch.product import AttributeValue
from s2fetch.query import Condition, Operator
from s2fetch.vocabulary import parse_where


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("orbitNumber=12000", Operator.EQ),
        ("orbitNumber==12000", Operator.EQ),
        ("orbitNumber eq 12000", Operator.EQ),
        ("orbitNumber != 12000", Operator.NE),
        ("orbitNumber<>12000", Operator.NE),
        ("orbitNumber ne 12000", Operator.NE),
        ("orbitNumber<12000", Operator.LT),
        (" orbitNumber lt  12000 ", Operator.LT),
        ("orbitNumber<=12000", Operator.LE),
        ("orbitNumber LE 12000", Operator.LE),
        ("orbitNumber>12000", Operator.GT),
        ("orbitNumber gt '12000'", Operator.GT),
        ("orbitNumber>=12000", Operator.GE),
        ("ORBITNUMBER ge +12000", Operator.GE),
    ],
)
def test_every_operator_in_signs_and_words(text: str, operator: Operator) -> None:
    """Names are taken in any case."""
    assert parse_where(text, "SENTINEL-1") == Condition("orbitNumber", operator, (12000,))


@pytest.mark.parametrize(
    ("collection", "text", "value"),
    [
        ("SENTINEL-2", "cloudCover<=20", 20.0),
        ("SENTINEL-2", "cloudCover<1e1", 10.0),
        ("SENTINEL-1", "sliceProductFlag=TRUE", True),
        ("SENTINEL-1", "processorVersion=3.71", "3.71"),
        ("SENTINEL-1", "processorVersion='003.71'", "003.71"),
        ("SENTINEL-1", "processingDate>2024-06-01", "2024-06-01T00:00:00.000000Z"),
        ("SENTINEL-1", "processingDate>'2024-06-01T02:00+02:00'", "2024-06-01T00:00:00.000000Z"),
        ("SENTINEL-3", "operationalMode=Earth Observation", "Earth Observation"),
        ("SENTINEL-2", "sourceProduct='it''s'", "it's"),
        ("SENTINEL-2", 'sourceProduct="a ""b"" <= c"', 'a "b" <= c'),
        ("SENTINEL-2", "sourceProduct=''", ""),
        ("LANDSAT-8", "proj:epsg=32632", 32632),
        ("SENTINEL-1", "beginningDateTime<2024-06-01", "2024-06-01T00:00:00.000000Z"),
    ],
)
def test_values_have_the_attributes_own_type(
    collection: str, text: str, value: AttributeValue
) -> None:
    """Times come out in UTC."""
    (found,) = parse_where(text, collection).values
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("new=5", 5),
        ("new=-5.5", -5.5),
        ("new=False", False),
        ("new=2024-06-01", "2024-06-01T00:00:00.000000Z"),
        ("new='5'", "5"),
        ("new=five", "five"),
        ("new=2024-13-99", "2024-13-99"),
    ],
)
def test_where_no_list_is_known_the_value_tells_the_type(text: str, value: AttributeValue) -> None:
    """For collections without a list, and without any collection."""
    for collection in ("CLMS", "COP-DEM", ""):
        if value == "2024-13-99":
            with pytest.raises(QueryError, match="compared with a time"):
                parse_where(text, collection)
            continue
        (found,) = parse_where(text, collection).values
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a condition"),
        ("orbitNumber", "not a condition"),
        ("orbitNumber>=", "not a condition"),
        (">=12000", "not a condition"),
        ("orbitNumber 12000", "not a condition"),
        ("orbitNumber=>12000", "not one condition"),
        ("orbitNumber>=1 and cycleNumber<2", "its own --where"),
        ("origin=ESA or origin = X", "its own --where"),
        ("origin='ESA", "not one condition"),
        ("orbitNumer>=1", "Did you mean orbitNumber"),
        ("orbitNumber>=many", "a whole number"),
        ("orbitNumber>=1.5", "a whole number"),
        ("orbitNumber=true", "a whole number"),
        ("sliceProductFlag=1", "true or false"),
        ("startTimeFromAscendingNode>soon", "a number"),
        ("startTimeFromAscendingNode<1e999", "a number"),
        ("processingDate>yesterday", "a time such as"),
        ("processingDate>0001-01-01T00:00+10:00", "a time such as"),
    ],
)
def test_mistakes_are_told(text: str, said: str) -> None:
    """An unknown attribute with the nearest of its collection."""
    with pytest.raises(QueryError, match=said):
        parse_where(text, "SENTINEL-1")
