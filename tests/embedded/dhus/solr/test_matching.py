"""The query language: one test per rule of its field types and operators."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.embedded.dhus.solr.matching import Document, Rules, matches
from s2fetch.embedded.dhus.solr.syntax import SolrError

RADAR: Document = {
    "identifier": "S1A_IW_GRDH_1SDV_x",
    "filename": "S1A_IW_GRDH_1SDV_x.SAFE",
    "size": "740.31 KB",
    "platformname": "Sentinel-1",
    "polarisationmode": "VV VH",
    "orbitdirection": "DESCENDING",
    "timeliness": "Near Real Time",
    "producttype": "GRD",
    "processingbaseline": "02.06",
    "orbitnumber": 1200,
    "cloudcoverpercentage": 9.4,
    "beginposition": datetime(2020, 1, 3, 10, 47, 0, 520_000, tzinfo=UTC),
    "footprint": "POLYGON ((10 40, 12 40, 12 42, 10 42, 10 40))",
    "ondemand": False,
}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("*", True),
        ("*:*", True),
        ("", False),
        # exact fields: the whole value, with case
        ("filename:S1A_IW_GRDH_1SDV_x.SAFE", True),
        ("filename:S1A_IW_GRDH_1SDV_x", False),
        ("filename:S1A_*", True),
        ("filename:s1a_*", False),
        ('filename:"S1A_*"', False),
        ("filename:S1?_IW*", True),
        ("identifier:*_1SDV_?", True),
        ("size:/.+KB/", True),
        ("size:/KB/", False),
        ("FileName:S1A_*", True),
        (r"filename:S1A\_IW_GRDH_1SDV_x\.SAFE", True),
        (r"filename:S1A\*", False),
        # text fields: by token, without case
        ("polarisationmode:VV", True),
        ("polarisationmode:vh", True),
        ("polarisationmode:V", False),
        ("polarisationmode:V*", True),
        ('polarisationmode:"VV VH"', True),
        ('polarisationmode:"VH VV"', False),
        ("orbitdirection:Descending", True),
        ("platformname:Sentinel", True),
        ("platformname:1", True),
        ("platformname:1-Sentinel", True),
        ('platformname:"1-Sentinel"', False),
        ("platformname:Sentinel-2", False),
        ("platformname:Sentinel-1*", False),
        ('timeliness:"Real Time"', True),
        ('timeliness:"Near Time"', False),
        ("processingbaseline:02.06", True),
        ("processingbaseline:06", False),
        ("producttype:[GRA TO GRE]", True),
        # numbers
        ("orbitnumber:1200", True),
        ('orbitnumber:"1200"', True),
        ("orbitnumber:[1200 TO 1300]", True),
        ("orbitnumber:{1200 TO 1300]", False),
        ("orbitnumber:{1199 TO 1200}", False),
        ("orbitnumber:[1000 TO 1200}", False),
        ("orbitnumber:[* TO 1200]", True),
        ("orbitnumber:[1201 TO *]", False),
        ("orbitnumber:*", True),
        ("cloudcoverpercentage:[0 TO 9.4]", True),
        ('cloudcoverpercentage:["0" TO "9.3"]', False),
        ("relativeorbitnumber:[* TO *]", False),
        # dates
        ('beginposition:"2020-01-03T10:47:00.52Z"', True),
        ("beginposition:[2020-01-03T10:47:00.520Z TO *]", True),
        ("beginposition:{2020-01-03T10:47:00.520Z TO *]", False),
        ("beginposition:[2020-01-03T00:00:00Z TO 2020-01-03T00:00:00Z+1DAY]", True),
        ('beginposition:["2020-01-04T00:00:00Z" TO "2020-02-01T00:00:00Z"]', False),
        ("beginposition:[NOW-1DAY TO NOW]", True),
        ("beginposition:[NOW-1HOUR TO NOW]", False),
        # the default field has every text
        ("vv", True),
        ("GRD AND descending", True),
        ("nothing", False),
        # flags
        ("ondemand:false", True),
    ],
)
def test_a_value_matches_by_the_type_of_its_field(q: str, found: bool) -> None:
    """Strings by all of them, texts by token, numbers and dates by value."""
    rules = Rules(now=datetime(2020, 1, 4, 4, tzinfo=UTC))
    assert matches(q, RADAR, rules) is found


A, B, C = "orbitnumber:1200", "producttype:SLC", "polarisationmode:VV"
"""True, false, true of the radar image."""


@pytest.mark.parametrize(
    ("q", "found"),
    [
        (f"{A} {C}", True),
        (f"{A} {B}", False),
        (f"{A} AND {B}", False),
        (f"{A} OR {B}", True),
        (f"{B} OR {A}", True),
        (f"{B} || {A}", True),
        (f"{B} OR {B}", False),
        (f"NOT {B}", True),
        (f"NOT {A}", False),
        (f"(NOT {B})", True),
        (f"-{B} +{A}", True),
        (f"!{B} && {A}", True),
        (f"{A} AND NOT {B}", True),
        (f"{A} AND -{C}", False),
        (f"({A} OR {B}) AND ({C})", True),
        (f"({B} OR {B}) AND {A}", False),
        ("producttype:(SLC OR GRD)", True),
        ("polarisationmode:(VV AND HH)", False),
        # an operator has no precedence, it only changes the clause before it
        (f"{A} OR {B} AND {C}", False),
        (f"{C} AND {A} OR {B}", True),
        (f"{A} OR NOT {A}", False),
        # prohibitions alone in parentheses find nothing
        (f"{A} AND (NOT {B})", False),
        (f"{A} AND (*:* NOT {B})", True),
        (f"{A} OR (NOT {B})", True),
        (f"{A}^2.5", True),
        (f"  {A}  ", True),
    ],
)
def test_operators_mean_what_lucene_makes_of_them(q: str, found: bool) -> None:
    """AND, OR, NOT, their signs, blanks and parentheses."""
    assert matches(q, RADAR) is found


@pytest.mark.parametrize(
    ("predicate", "found"),
    [
        ("Intersects(POINT(11 41))", True),
        ("Intersects(POINT(13 41))", False),
        ("INTERSECTS(POLYGON((11 41,20 41,20 50,11 41)))", True),
        ("Intersects(ENVELOPE(11,20,50,41))", True),
        ("Intersects(ENVELOPE(13,20,50,41))", False),
        ("Intersects(MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((11 41,12 41,12 42,11 41))))", True),
        ("Intersects(GEOMETRYCOLLECTION(POINT(0 0),POINT(11 41)))", True),
        ("Contains(POINT(11 41))", True),
        ("Contains(POLYGON((11 41,20 41,20 50,11 41)))", False),
        ("Contains(GEOMETRYCOLLECTION(POINT(11 41),POINT(0 0)))", False),
        ("IsWithin(POLYGON((9 39,13 39,13 43,9 43,9 39)))", True),
        ("iswithin(POLYGON((9 39,11 39,11 43,9 43,9 39)))", False),
        ("IsWithin(GEOMETRYCOLLECTION(POLYGON((9 39,13 39,13 43,9 43,9 39)),POINT(0 0)))", True),
    ],
)
def test_the_three_predicates_compare_area_and_footprint(predicate: str, found: bool) -> None:
    """Contains: the area is in the product; IsWithin: the product is in the area."""
    assert matches(f'footprint:"{predicate}"', RADAR) is found


def test_an_intersection_is_approximate_unless_no_error_is_allowed() -> None:
    """By default a shape may be off by 2.5 % of its size."""
    near = "Intersects(ENVELOPE(12.1,22.1,50,40))"
    loose = Rules(approximate_areas=True)
    assert matches(f'footprint:"{near}"', RADAR, loose)
    assert not matches(f'footprint:"{near} distErrPct=0"', RADAR, loose)
    assert not matches(f'footprint:"{near}"', RADAR)
    far = "Intersects(ENVELOPE(12.3,22.3,50,40))"
    assert not matches(f'footprint:"{far}"', RADAR, loose)


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ("foo:1", "undefined field foo"),
        ("a AND foo:1", "undefined field foo"),
        ("foo:*", "undefined field foo"),
        ("orbitnumber:abc", "Invalid Number: abc"),
        ("orbitnumber:12*", "Invalid Number: 12*"),
        ("cloudcoverpercentage:[0 TO low]", "Invalid Number: low"),
        ("beginposition:2020", "Invalid Date String:'2020'"),
        ("beginposition:**", "Invalid Date String:'**'"),
        ("beginposition:[NOW-1 TO NOW]", "Invalid Date Math String:'NOW-1'"),
        ('beginposition:"2020-13-01T00:00:00Z"', "Invalid Date String"),
        ("beginposition:2020-01-01T00:00:00Z", "SyntaxError: Cannot parse"),
        ("platformname:", "SyntaxError: Cannot parse 'platformname:': Encountered"),
        ("(a", "Encountered"),
        ("a)", "Encountered"),
        ("a AND", "Encountered"),
        ("OR a", "Encountered"),
        ("(" * 3000, "nested too deeply"),
        ("()", "Encountered"),
        ('"open', "Encountered"),
        ("orbitnumber:[1 2]", "Encountered"),
        ("orbitnumber:[1 TO 2", "Encountered"),
        ("size:/(/", "Cannot parse"),
        ('footprint:"Overlaps(POINT(1 1))"', "Unknown Spatial operation"),
        ("footprint:Somewhere", "Couldn't parse shape"),
        ("footprint:a*", "Couldn't parse shape"),
        ('footprint:"Intersects(POLYGON((1 1,2))"', "Couldn't parse shape"),
        ('footprint:"Intersects(LINESTRING(1 1,2 2))"', "Couldn't parse shape"),
        ('footprint:"Intersects(POINT(181 0))"', "Bad X value 181.0 is not in boundary"),
        ('footprint:"Intersects(POINT(0 91))"', "Bad Y value 91.0 is not in boundary"),
        ("footprint:[a TO b]", "Range queries are not supported"),
        (" OR ".join(f"orbitnumber:{n}" for n in range(1025)), "too many boolean clauses"),
    ],
)
def test_what_is_not_in_the_language_is_refused(q: str, message: str) -> None:
    """Unknown fields, values of the wrong type, broken syntax, too many clauses."""
    with pytest.raises(SolrError) as refused:
        matches(q, RADAR)
    assert message in str(refused.value)


@given(st.integers(), st.integers(), st.booleans(), st.booleans(), st.integers())
def test_a_range_is_what_its_brackets_say(
    low: int, high: int, with_low: bool, with_high: bool, value: int
) -> None:
    """Square brackets include a bound, braces leave it out."""
    text = f"{'[' if with_low else '{'}{low} TO {high}{']' if with_high else '}'}"
    above = value >= low if with_low else value > low
    below = value <= high if with_high else value < high
    assert matches(f"orbitnumber:{text}", {"orbitnumber": value}) is (above and below)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_quoted_and_escaped_value_matches_itself(value: str) -> None:
    """Any text can be asked for."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert matches(f'filename:"{quoted}"', {"filename": value})
    assert not matches(f'filename:"{quoted}"', {"filename": value + "x"})


@given(st.text(max_size=30))
def test_any_text_is_understood_or_refused(q: str) -> None:
    """Nothing but SolrError comes out of the parser."""
    with contextlib.suppress(SolrError):
        assert matches(q, RADAR) in (True, False)
