"""The catalogue's words: canonical spelling for what exists, an error for what does not."""

from __future__ import annotations

import pytest

from s2fetch import vocabulary as v
from s2fetch.errors import QueryError


def test_words_are_taken_in_any_case_and_given_back_in_the_catalogues_spelling() -> None:
    """The catalogue compares exactly, so the spelling has to be its own."""
    assert v.check_collection("sentinel-2") == "SENTINEL-2"
    assert v.check_product_type("SENTINEL-2", "s2msi2AP") == "S2MSI2Ap"
    assert v.check_orbit_direction("descending") == "DESCENDING"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("S2MSI1D", "S2MSI1C"), ("L1D", "S2MSI1C"), ("L1B", "MSI_L1B_DS or MSI_L1B_GR")],
)
def test_an_unknown_product_type_names_the_nearest_known_ones(wrong: str, meant: str) -> None:
    """Otherwise the typo would find nothing, silently."""
    with pytest.raises(QueryError, match=meant):
        v.check_product_type("SENTINEL-2", wrong)


def test_an_unknown_collection_names_the_nearest_or_all() -> None:
    """A word that is like none of them gets the whole list."""
    with pytest.raises(QueryError, match="Did you mean SENTINEL-2"):
        v.check_collection("SENTINAL2")
    with pytest.raises(QueryError, match=r"Known are SENTINEL-1, .*CLMS"):
        v.check_collection("xyzzy")


@pytest.mark.parametrize(
    ("text", "collection"),
    [
        ("sentinel2", "SENTINEL-2"),
        ("Sentinel_5P", "SENTINEL-5P"),
        (" s1 ", "SENTINEL-1"),
        ("S1-RTC", "SENTINEL-1-RTC"),
        ("cop_dem", "COP-DEM"),
    ],
)
def test_collections_are_known_by_their_short_names(text: str, collection: str) -> None:
    """As missions are called everywhere else."""
    assert v.check_collection(text) == collection


def test_collections_without_a_list_accept_any_product_type() -> None:
    """Sentinel-3 has hundreds, and new ones appear."""
    assert v.check_product_type("SENTINEL-3", "OL_1_EFR___") == "OL_1_EFR___"


@pytest.mark.parametrize(
    ("text", "tile"),
    [("T32TQM", "32TQM"), ("32tqm", "32TQM"), ("1CCV", "01CCV"), ("60WWT", "60WWT")],
)
def test_tiles_lose_their_leading_t(text: str, tile: str) -> None:
    """With the T the catalogue would find nothing."""
    assert v.check_tile(text) == tile


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("32TQ", "is not an MGRS tile"),
        ("61TQM", "zones"),
        ("00TQM", "zones"),
        ("32IQM", "latitude band"),
        ("32AQM", "latitude band"),
        ("32TAM", "columns JKLMNPQR"),
        ("33TQM", "columns STUVWXYZ"),
        ("32TQW", "row"),
    ],
)
def test_a_tile_that_cannot_exist_is_refused_with_the_part_that_is_wrong(
    text: str, reason: str
) -> None:
    """Zone, band, column and row have their own rules (MGRS)."""
    with pytest.raises(QueryError, match=reason):
        v.check_tile(text)


@pytest.mark.parametrize("text", ["A", "s2a", "S2A", "Sentinel-2A", "SENTINEL 2A"])
def test_platforms_become_their_unit(text: str) -> None:
    """The catalogue lists the letter alone."""
    assert v.check_platform(text) == "A"


@pytest.mark.parametrize("text", ["S2X", "", "Landsat"])
def test_a_platform_that_does_not_exist_is_refused(text: str) -> None:
    """With those that do."""
    with pytest.raises(QueryError, match="S2A, S2B, S2C"):
        v.check_platform(text)


@pytest.mark.parametrize(
    ("name", "said"),
    [("S1A", "one of SENTINEL-1: choose the collection"), ("S3D", "Known are S2A"), ("X", "Known")],
)
def test_a_platform_of_another_mission_says_which(name: str, said: str) -> None:
    """S1A is no platform of Sentinel-2, although A is."""
    with pytest.raises(QueryError, match=said):
        v.check_platform(name)


@pytest.mark.parametrize("text", ["0510", "N0510", "05.10", "5.10", "n05.10"])
def test_baselines_become_two_pairs_of_digits(text: str) -> None:
    """As the processorVersion attribute has them."""
    assert v.check_baseline(text) == "05.10"


@pytest.mark.parametrize("text", ["5.1", "510", "new", ""])
def test_a_baseline_that_could_mean_two_is_refused(text: str) -> None:
    """5.1 may be 05.01 or 05.10."""
    with pytest.raises(QueryError, match=r"05\.10 or N0510"):
        v.check_baseline(text)


def test_relative_orbits_end_with_the_repeat_cycle() -> None:
    """143 for Sentinel-2, 175 for Sentinel-1, unknown for others."""
    assert v.check_relative_orbit("SENTINEL-2", 1) == 1
    assert v.check_relative_orbit("SENTINEL-2", 143) == 143
    assert v.check_relative_orbit("SENTINEL-1", 175) == 175
    assert v.check_relative_orbit("LANDSAT-8", 233) == 233
    for number in (0, 144):
        with pytest.raises(QueryError, match="from 1 to 143"):
            v.check_relative_orbit("SENTINEL-2", number)


NAME = "S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212"


@pytest.mark.parametrize("suffix", ["", ".SAFE", ".SAFE.zip", ".zip", ".safe"])
def test_names_get_the_extension_the_catalogue_has(suffix: str) -> None:
    """Names are compared exactly, and people have the one of the file."""
    assert v.check_name(f" {NAME}{suffix}\n") == f"{NAME}.SAFE"


@pytest.mark.parametrize("suffix", ["", ".DEM", ".dem.zip", ".zip"])
def test_elevation_models_get_theirs(suffix: str) -> None:
    """They are in two collections, so that their names are of no family."""
    name = "DEM1_SAR_DGE_30_20101205T134312_20140826T134338_ADS_000000_E9B5"
    assert v.check_name(name + suffix) == f"{name}.DEM"


def test_names_of_unknown_families_are_left_alone() -> None:
    """Some auxiliary data has no extension; of other missions nothing is known."""
    name = "S2A_OPER_AUX_GNSSRD_POD__20171214T150635_V20151230T000000_20151230T235959"
    assert v.check_name(name) == name
    assert v.check_name("LC08_L1TP_192027.tar") == "LC08_L1TP_192027.tar"


@pytest.mark.parametrize("name", ["", "a/b", "a'b", "a\0b", "S2A_*"])
def test_what_cannot_be_a_products_name_is_refused(name: str) -> None:
    """Patterns as well: names are exact."""
    with pytest.raises(QueryError, match="not a product's name"):
        v.check_name(name)


def test_a_pattern_is_refused_with_the_query_that_takes_one() -> None:
    """sentinelsat took wildcards in names."""
    with pytest.raises(QueryError) as caught:
        v.check_name("S2A_MSIL1C_2018*")
    assert "--query \"startswith(Name,'S2A_MSIL1C_2024')" in str(caught.value)
