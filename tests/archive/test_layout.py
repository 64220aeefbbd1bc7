"""Where products lie, and that hostile names lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.archive.layout import COMPONENT_BYTES, FIELDS, Layout, safe_name
from s2fetch.errors import ExitCode, UnsafeNameError, UsageError
from s2fetch.product import AttributeValue, Product

L2A = "S2B_MSIL2A_20240715T101559_N0510_R065_T32TQM_20240715T131022.SAFE"
LONG = "S2A_OPER_PRD_MSIL1C_PDMC_20151230T202002_R008_V20151230T105153_20151230T105153.SAFE"
EVERYTHING = (
    "{collection}/{product_type}/{platform}/{tile}/{baseline}/{relative_orbit}"
    "/{year}/{month}/{day}/{id}/{name}"
)
HOSTILE = [
    "",
    ".",
    "..",
    "...",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\windows",
    "nul\0byte",
    "line\nbreak",
    "tab\tbed",
    "escape\x1b[2J",
    "\x7f",
    "\x85",
    "right\u202eleft",
    "zero\u200bwidth",
    "lone\ud800surrogate",
    ".hidden",
    "-rf",
    " leading",
    "trailing ",
    "trailing.",
    "CON",
    "aux.SAFE",
    "Com1.zip",
    "lpt¹",
    "nul .txt",
    "what?",
    "star*",
    "pipe|",
    'quote"',
    "a<b",
    "a>b",
    "x" * 300,
    "é" * 125,
]


def product(name: str = L2A, **more: object) -> Product:
    return Product(id="5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b", name=name, **more)  # type: ignore[arg-type]


def test_a_sentinel_2_name_gives_every_field() -> None:
    """The compact naming convention of Sentinel-2 products."""
    path = Layout(EVERYTHING).path_for(product(collection="SENTINEL-2"), ".zip")
    assert path == PurePosixPath(
        "SENTINEL-2/S2MSI2A/S2B/32TQM/05.10/065/2024/07/15"
        f"/5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b/{L2A}.zip"
    )


def test_the_old_long_names_give_what_they_have() -> None:
    """Names before December 2016 have no tile and no baseline."""
    layout = Layout("{platform}/{product_type}/{relative_orbit}/{year}-{month}-{day}/{tile}/{name}")
    assert str(layout.folder_for(product(LONG))) == "S2A/S2MSI1C/008/2015-12-30/unknown"


def test_other_products_go_by_their_attributes_and_sensing_time() -> None:
    """Where the name says nothing, the catalogue does."""
    attributes: Mapping[str, AttributeValue] = {
        "productType": "IW_GRDH_1S",
        "relativeOrbitNumber": 8,
        "processingBaseline": "004.02",
    }
    one = product(
        "S1A_IW_GRDH_1SDV_20240101T052731_20240101T052756_051920_0645B1_1C7B.SAFE",
        attributes=attributes,
        sensing_start=datetime(2024, 1, 1, 5, 27, 31, tzinfo=UTC),
    )
    layout = Layout("{platform}/{product_type}/{relative_orbit}/{baseline}/{year}{month}/{name}")
    assert str(layout.folder_for(one)) == "S1A/IW_GRDH_1S/008/004.02/202401"


def test_a_date_in_the_name_stands_in_for_a_missing_sensing_time() -> None:
    """The first timestamp of the name is the start of the acquisition."""
    one = product("S3A_OL_1_EFR____20230405T101010_20230405T101310_X.SEN3")
    assert str(Layout("{year}/{month}/{day}/{name}").folder_for(one)) == "2023/04/05"


def test_what_nobody_knows_is_unknown() -> None:
    """A missing field makes a folder of its own and never an error."""
    path = Layout(EVERYTHING).path_for(Product(id="x", name="thing"))
    assert str(path) == "/".join(["unknown"] * 9 + ["x", "thing"])


def test_the_same_product_lies_at_the_same_place_with_and_without_attributes() -> None:
    """Attributes are asked for by some queries only; the place must not depend on it."""
    layout = Layout(EVERYTHING)
    bare = product()
    full = product(
        attributes={"productType": "S2MSI2Ap", "tileId": "XX", "relativeOrbitNumber": 3},
        sensing_start=datetime(2024, 7, 16, tzinfo=UTC),
    )
    assert layout.path_for(bare) == layout.path_for(full)


def test_the_default_puts_everything_into_the_root() -> None:
    """No folders unless asked for."""
    assert str(Layout().path_for(product(), ".zip")) == L2A + ".zip"
    assert str(Layout().folder_for(product())) == "."


def test_doubled_braces_are_braces() -> None:
    """As in Python's format strings."""
    assert str(Layout("{{x}}/{name}").folder_for(product())) == "{x}"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{nmae}", "{nmae}"),
        ("{}", "{}"),
        ("{name.upper}", "name.upper"),
        ("{name!r}", "no format"),
        ("{name:>300}", "no format"),
        ("{year}", "{name}"),
        ("{name}/{year}", "{name}"),
        ("/archive/{name}", "empty"),
        ("{year}//{name}", "empty"),
        ("{name}/", "empty"),
        ("../{name}", "only dots"),
        ("a/../{name}", "only dots"),
        (".s2fetch/{name}", "misleads"),
        ("a\\{name}", "\\"),
        ("{name", "expected '}'"),
        ("", "empty"),
        ("x" * 250 + "{name}", "longer"),
    ],
)
def test_a_wrong_template_is_explained(template: str, words: str) -> None:
    """The message says what is wrong and which fields there are."""
    with pytest.raises(UsageError) as caught:
        Layout(template)
    assert words in caught.value.what
    assert all(field in caught.value.advice for field in FIELDS)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_refused(name: str) -> None:
    """Nothing a hub says decides a path outside the root or makes an odd file."""
    with pytest.raises(UnsafeNameError) as caught:
        Layout(EVERYTHING).path_for(product(name))
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name", [L2A, LONG, "AUX_POEORB_x", "S5P.nc", "CONSOLE", "a b", "_x", "é", "x" * 240]
)
def test_ordinary_names_pass_unchanged(name: str) -> None:
    """Refusing is for the dangerous only."""
    assert safe_name(name) == name


def test_a_path_part_made_too_long_by_the_layout_is_refused() -> None:
    """The file system's limit holds for the whole part, suffix included."""
    layout = Layout("{collection}-{tile}-{product_type}-{name}")
    with pytest.raises(UnsafeNameError, match="longer than 255"):
        layout.path_for(product("x" * 240), ".zip")


def inside(root: Path, path: PurePosixPath) -> None:
    assert (root / path).resolve().is_relative_to(root)
    assert not path.is_absolute()
    assert ".." not in path.parts
    for part in path.parts:
        assert 0 < len(part.encode()) <= COMPONENT_BYTES
        assert not part.startswith((".", "-"))


@given(
    name=st.text() | st.text(alphabet="./\\-aN\0: ", max_size=12),
    suffix=st.sampled_from(["", ".zip", ".tgz"]),
)
def test_any_text_as_a_name_is_refused_or_stays_inside(name: str, suffix: str) -> None:
    """Property: no name leads outside the root."""
    try:
        path = Layout("{year}/{name}").path_for(product(name), suffix)
    except UnsafeNameError:
        return
    inside(Path("/archive"), path)


@given(text=st.text(max_size=80), number=st.integers() | st.floats())
def test_no_other_field_leads_outside(text: str, number: float) -> None:
    """Property: ids, collections and attributes are made harmless."""
    hostile = Product(
        id=text,
        name="thing",
        collection=text,
        attributes={
            "productType": text,
            "platformShortName": text,
            "tileId": text,
            "processingBaseline": text,
            "relativeOrbitNumber": number,
        },
    )
    path = Layout(EVERYTHING).path_for(hostile)
    inside(Path("/archive"), path)
    assert len(path.parts) == EVERYTHING.count("/") + 1


@given(template=st.text(alphabet=st.sampled_from("ab./{}\\ -") | st.characters(), max_size=20))
def test_any_template_is_refused_or_stays_inside(template: str) -> None:
    """Property: a template cannot lead outside either."""
    try:
        layout = Layout(template + "{name}")
    except UsageError:
        return
    try:
        inside(Path("/archive"), layout.path_for(product()))
    except UnsafeNameError:
        return
