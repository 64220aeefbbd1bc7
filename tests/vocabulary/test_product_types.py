"""Product types: padded to their width, understood when short, refused when they do not exist."""

from __future__ import annotations

import re

import pytest

from s2fetch import vocabulary as v
from s2fetch.errors import QueryError

ISSUE_SENTINEL_3 = (
    *("SR_1_SRA", "SR_1_SRA_A", "SR_1_SRA_BS", "SR_2_LAN", "OL_1_EFR", "OL_1_ERR", "OL_2_LFR"),
    *("OL_2_LRR", "SL_1_RBT", "SL_2_LST", "SL_2_FRP", "SY_2_SYN", "SY_2_V10", "SY_2_VG1"),
    *("SY_2_VGP", "SY_2_AOD"),
)
ISSUE_SENTINEL_5P = (
    *("AER_AI", "AER_LH", "CH4", "CLOUD", "CO", "HCHO", "NO2", "NP_BD3", "NP_BD6", "NP_BD7"),
    *("O3_TCL", "O3", "SO2"),
)
OTHERS = [f"L1B_RA_BD{band}" for band in range(1, 9)]
OTHERS += ["L1B_IR_SIR", "L1B_IR_UVN", "AUX_CTMFCT", "AUX_CTMANA"]


@pytest.mark.parametrize("short", ISSUE_SENTINEL_3)
@pytest.mark.parametrize("change", [str, str.lower, lambda text: f" {text}__ "])
def test_types_of_sentinel_3_are_padded_to_eleven(short: str, change: type[str]) -> None:
    """A wrong pad finds nothing, silently."""
    full = v.check_product_type("SENTINEL-3", change(short))
    assert full == f"{short:_<11}"


@pytest.mark.parametrize("short", ISSUE_SENTINEL_5P)
@pytest.mark.parametrize("prefix", ["", "L2_", "L2__", "l2-"])
def test_types_of_sentinel_5p_are_padded_to_ten(short: str, prefix: str) -> None:
    """With one underscore or two after the level, and with the gas alone."""
    assert v.check_product_type("SENTINEL-5P", prefix + short) == f"{f'L2__{short}':_<10}"


@pytest.mark.parametrize("name", OTHERS)
def test_other_types_of_sentinel_5p_are_known(name: str) -> None:
    """Level 1B and auxiliary data are ten wide as they are."""
    assert v.check_product_type("SENTINEL-5P", name.lower()) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("slc", "SLC"),
        ("Grd", "GRD"),
        ("grd_cog", "GRD-COG"),
        ("iw_slc", "IW_SLC__1S"),
        ("IW_SLC_1S", "IW_SLC__1S"),
        ("S3_GRDF", "S3_GRDF_1S"),
        ("IW_GRDH-COG", "IW_GRDH_1S-COG"),
        ("aux_poeorb", "AUX_POEORB"),
        ("AUX_WND", "AUX_WND"),
        ("IW_SLC__1A", "IW_SLC__1A"),
        ("EN_RAW__0S", "EN_RAW__0S"),
    ],
)
def test_types_of_sentinel_1(text: str, name: str) -> None:
    """Groups stay groups; auxiliary data and rare modes are open lists."""
    assert v.check_product_type("SENTINEL-1", text) == name


@pytest.mark.parametrize(
    ("collection", "text", "name"),
    [
        ("COP-DEM", "glo-30-dged", "COP-DEM_GLO-30-DGED"),
        ("COP-DEM", "COP-DEM_GLO-90-DTED", "COP-DEM_GLO-90-DTED"),
        ("COP-DEM", "cop-dem_eea-10-dted", "COP-DEM_EEA-10-DTED"),
        ("SENTINEL-2", "1C", "S2MSI1C"),
        ("SENTINEL-2", "l2a", "S2MSI2A"),
        ("SENTINEL-2", "2Ap", "S2MSI2Ap"),
        ("SENTINEL-2", "S2_MSI_L1C", "S2MSI1C"),
        ("SENTINEL-1", "S1_SAR_SLC", "SLC"),
        ("SENTINEL-1", "s1_slc", "S1_SLC__1S"),
        ("SENTINEL-5P", "S5P_L2_NO2", "L2__NO2___"),
        ("SENTINEL-6", "p4_1b_lr", "P4_1B_LR_____"),
        ("SENTINEL-6", "P4_1A_HR_____", "P4_1A_HR_____"),
        ("SMOS", "l2", "L2"),
        ("SMOS", "MIR_SMUDP2", "MIR_SMUDP2"),
        ("SENTINEL-1-RTC", "rtc", "RTC"),
        ("CCM", "VHR_IMAGE_2018", "VHR_IMAGE_2018"),
        ("CCM", "glo-30-dged", "COP-DEM_GLO-30-DGED"),
        ("CCM", "GLO-30", "GLO-30"),
        ("LANDSAT-8", "L1TP", "L1TP"),
        ("ENVISAT", "Anything", "Anything"),
        ("S2GLC", "S2GLC", "S2GLC"),
        ("TERRAAQUA", "MOD09", "MOD09"),
        ("", "no2", "L2__NO2___"),
        ("", "AUX_POEORB", "AUX_POEORB"),
        ("", "Unheard", "Unheard"),
    ],
)
def test_types_of_other_collections(collection: str, text: str, name: str) -> None:
    """What the documentation does not list is accepted."""
    assert v.check_product_type(collection, text) == name


@pytest.mark.parametrize(
    ("collection", "wrong", "said"),
    [
        ("SENTINEL-5P", "NO3", "L2__NO2___"),
        ("SENTINEL-5P", "L2__N02___", "L2__NO2___"),
        ("SENTINEL-3", "OL_1_EFS", "OL_1_EFR___"),
        ("SENTINEL-1", "IW_GRDH_2S", "IW_GRDH_1S"),
        ("SENTINEL-1", "SLCC", "mean SLC or IW_SLC__1S or EW_SLC__1S"),
        ("SENTINEL-1", "GRDH", "mean GRD or IW_GRDH_1S or EW_GRDH_1S"),
        ("SENTINEL-6", "P4_1B_LRR", "P4_1B_LR_____"),
        ("COP-DEM", "GLO-30-DGET", "COP-DEM_GLO-30-DGED"),
        ("SENTINEL-2", "GRD", "one of SENTINEL-1.*--collection"),
        ("SENTINEL-2", "OL_1_EFR", "one of SENTINEL-3.*--collection"),
        ("SENTINEL-1", "xyzzy", "Known are SLC.* and [0-9]+ more"),
        ("SENTINEL-2", "IW_GRDH_1SDV", "IW_GRDH_1S of SENTINEL-1"),
        ("SENTINEL-2", "OL_1_EFRR", "OL_1_EFR___ of SENTINEL-3"),
        ("SENTINEL-3", "AOD", "SL_2_AOD___ or SY_2_AOD___"),
        ("COP-DEM", "GLO-30", "COP-DEM_GLO-30-DGED or COP-DEM_GLO-30-DTED"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(
    collection: str, wrong: str, said: str
) -> None:
    """Also what is short for several, and what another collection has."""
    with pytest.raises(QueryError, match=said):
        v.check_product_type(collection, wrong)


@pytest.mark.parametrize("collection", v.PRODUCT_TYPES)
def test_every_known_type_is_itself_in_full_and_in_its_short_forms(collection: str) -> None:
    """What `s2fetch products` prints can be typed."""
    for name in v.PRODUCT_TYPES[collection]:
        assert v.check_product_type(collection, name) == name
        for short in v.short_forms(collection, name):
            assert v.check_product_type(collection, short) == name
            assert v.check_product_type(collection, short.lower()) == name


@pytest.mark.parametrize(
    ("collection", "width", "but"), [("SENTINEL-3", 11, "AUX_"), ("SENTINEL-5P", 10, "never")]
)
def test_known_types_have_their_full_width(collection: str, width: int, but: str) -> None:
    """Auxiliary data of Sentinel-3 from the orbit service is ten wide."""
    names = [name for name in v.PRODUCT_TYPES[collection] if not name.startswith(but)]
    assert {len(name) for name in names} == {width}
    assert all(re.fullmatch(r"[A-Z0-9_]+", name) for name in names)


@pytest.mark.parametrize(
    ("product_type", "wanted", "belongs"),
    [
        ("IW_SLC__1S", "SLC", True),
        ("S3_SLC__1A", "SLC", True),
        ("IW_GRDH_1S", "GRD", True),
        ("IW_GRDH_1S-COG", "GRD", False),
        ("IW_GRDH_1S-COG", "GRD-COG", True),
        ("WV_OCN__2S", "OCN", True),
        ("EN_RAW__0S", "RAW", True),
        ("AUX_POEORB", "RAW", False),
        ("RAW", "RAW", True),
    ],
)
def test_groups_of_sentinel_1_have_their_members(
    product_type: str, wanted: str, belongs: bool
) -> None:
    """Cloud-optimised products are a group of their own."""
    assert v.is_of_type(product_type, wanted, "SENTINEL-1") is belongs
    assert v.is_of_type(product_type, wanted, "SENTINEL-3") is (product_type == wanted)


@pytest.mark.parametrize(
    ("names", "collection"),
    [
        (["slc"], "SENTINEL-1"),
        (["L2__NO2", "CH4"], "SENTINEL-5P"),
        (["OL_1_EFR"], "SENTINEL-3"),
        (["GLO-30-DGED"], "COP-DEM"),
        (["S5P_L2_NO2"], "SENTINEL-5P"),
        (["S2MSI1C"], "SENTINEL-2"),
        (["SLC", "NO2"], ""),
        (["SLC", "xyzzy"], ""),
        (["AUX_POEORB"], ""),
        (["L1"], ""),
        (["CO"], ""),
        ([], ""),
    ],
)
def test_types_tell_the_collection_when_only_one_has_them(
    names: list[str], collection: str
) -> None:
    """Not by two letters, which may be anything: ``L1`` is a type of SMOS."""
    assert v.collection_of_types(names) == collection
