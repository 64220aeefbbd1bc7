"""Names cut by position: real ones, made ones of every family, and what is no name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.naming import ProductName, acquisition_of, collection_of, parse
from tests import names as made

RECORDED = Path(__file__).parents[2] / "shared" / "recorded"


def read(name: str) -> ProductName:
    """The parts of a name that has to be understood."""
    found = parse(name)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
            ("SENTINEL-1", "IW_GRDH_1S", "S1A", (), "", 54128, 156, ""),
        ),
        (
            "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E_COG.SAFE",
            ("SENTINEL-1", "IW_GRDH_1S-COG", "S1A", (), "", 54128, 156, ""),
        ),
        (
            "S1A_IW_SL1__1_DV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
            ("SENTINEL-1", "IW_SL1__1_", "S1A", (), "", 54128, 156, ""),
        ),
        (
            "S1B_HK_RAW__0____20181101T065011_20181101T065117_014273________4565.SAFE",
            ("SENTINEL-1", "HK_RAW__0_", "S1B", (), "", 14273, 72, ""),
        ),
        (
            "S1A_IW_ETA__AXDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
            ("SENTINEL-1", "IW_ETA__AX", "S1A", (), "", 54128, 156, ""),
        ),
        (
            "S1__AUX_SCS_V20140406T133000_G20240620T081444.SAFE",
            ("SENTINEL-1", "AUX_SCS", "S1", (), "", None, None, ""),
        ),
        (
            "S1A_OPER_AUX_POEORB_OPOD_20210315T155112_V20210301T225942_20210303T005942.EOF",
            ("SENTINEL-1", "AUX_POEORB", "S1A", (), "", None, None, ""),
        ),
        (
            "S2A_MSIL1C_20200808T010311_N0500_R045_T54PXA_20230413T212505.SAFE",
            ("SENTINEL-2", "S2MSI1C", "S2A", ("N0500",), "05.00", None, 45, "54PXA"),
        ),
        (
            "S2A_OPER_PRD_MSIL1C_PDMC_20160803T225541_R022_V20160803T102132_20160803T102132.SAFE",
            ("SENTINEL-2", "S2MSI1C", "S2A", (), "", None, 22, ""),
        ),
        (
            (
                "S3A_OL_1_EFR____20230601T101210_20230601T101510_20230602T120000"
                "_0179_099_236_2160_PS1_O_NT_003.SEN3"
            ),
            ("SENTINEL-3", "OL_1_EFR___", "S3A", ("NT", "O"), "003", None, 236, ""),
        ),
        (
            (
                "S3__GN_1_MANTAX_20160425T095210_20991231T235959_20160908T120000"
                "___________________MPC_O_AL_001.SEN3"
            ),
            ("SENTINEL-3", "GN_1_MANTAX", "S3", ("AL", "O"), "001", None, None, ""),
        ),
        (
            (
                "S5P_OFFL_L2__O3_TCL_20240101T001838_20240101T020008_32222_03_020600"
                "_20240102T163450.nc"
            ),
            ("SENTINEL-5P", "L2__O3_TCL", "S5P", ("OFFL",), "03", 32222, None, ""),
        ),
        (
            (
                "S5P_PAL__L2__NO2____20240101T001838_20240101T020008_32222_03_020600"
                "_20240102T163450.nc"
            ),
            ("SENTINEL-5P", "L2__NO2___", "S5P", ("PAL",), "03", 32222, None, ""),
        ),
        (
            (
                "S6A_P4_2__LR______20210913T004527_20210913T014139_20210914T072049"
                "_3372_031_116_058_EUM__OPE_ST_F04.SEN6"
            ),
            ("SENTINEL-6", "P4_2__LR_____", "S6A", ("ST",), "F04", None, 58, ""),
        ),
        (
            "S6A_P4_2__LR______ST_031_116_20210913T004527_20210913T014139_F04.nc",
            ("SENTINEL-6", "P4_2__LR_____", "S6A", ("ST",), "F04", None, None, ""),
        ),
        (
            "SM_REPR_MIR_SMUDP2_20200101T003012_20200101T012312_700_001_1",
            ("SMOS", "MIR_SMUDP2", "SM", ("REPR",), "700", None, None, ""),
        ),
        (
            "SM_OPER_MIR_SC_F1B_20231202T165834_20231202T175232_724_001_1",
            ("SMOS", "MIR_SC_F1B", "SM", ("OPER",), "724", None, None, ""),
        ),
    ],
)
def test_real_names_say_what_they_are(name: str, said: tuple[object, ...]) -> None:
    """One of each kind, with the fields that are padded, empty or odd."""
    found = read(name)
    assert found.listed == name
    assert (
        found.collection,
        found.product_type,
        found.platform,
        found.streams,
        found.baseline,
        found.orbit,
        found.relative_orbit,
        found.tile,
    ) == said


@pytest.mark.parametrize("file", ["cdse-odata-s1-aux-page.json", "cdse-odata-s2-l1c-page.json"])
def test_names_of_recorded_rows_agree_with_what_the_rows_list(file: str) -> None:
    """Type, start and time of processing as the attributes of the real catalogue have them."""
    if not RECORDED.exists():
        pytest.skip("no recorded answers here")
    for row in json.loads((RECORDED / file).read_text())["value"]:
        listed = {entry["Name"]: entry["Value"] for entry in row["Attributes"]}
        found = read(row["Name"])
        assert found.listed == row["Name"]
        assert found.product_type == listed["productType"]
        if "processingDate" in listed:
            assert found.created == datetime.fromisoformat(listed["processingDate"])
        start = datetime.fromisoformat(row["ContentDate"]["Start"])
        assert abs(found.sensing_start - start) < timedelta(minutes=1)


@pytest.mark.parametrize("collection", made.FAMILIES)
@given(data=st.data())
def test_made_names_of_every_mission_are_understood(collection: str, data: st.DataObject) -> None:
    """All fields stand at their places, whatever the padding."""
    name = data.draw(made.FAMILIES[collection])
    found = read(name)
    assert (found.collection, found.listed) == (collection, name)
    assert collection_of(name) == collection
    assert found.platform.removeprefix("S5P") in name
    assert made.stamp(found.sensing_start) in name
    assert found.product_type.removesuffix("-COG").removeprefix("S2MSI") in name
    for stream in found.streams:
        assert f"_{stream}" in name


@given(name=made.names, extension=st.sampled_from(["", "own", "other case"]), zipped=st.booleans())
def test_a_name_is_the_same_with_and_without_its_extension(
    name: str, extension: str, zipped: bool
) -> None:
    """People have names of folders, of zips, or neither."""
    stem, dot, own = name.partition(".")
    given_one = {"": "", "own": dot + own, "other case": dot + own.swapcase()}[extension]
    found = read(stem + given_one + (".zip" if zipped else ""))
    assert found.listed == name
    assert found == read(name)
    assert read(name.lower()) == read(name)


@given(name=made.names)
def test_the_acquisition_alone_is_that_of_the_whole_name(name: str) -> None:
    """The fast way and the thorough one agree."""
    assert acquisition_of(name) == read(name).acquisition
    assert acquisition_of(name.lower()) == read(name).acquisition


@given(name=made.names, data=st.data())
def test_a_field_too_short_or_too_long_is_no_name(name: str, data: st.DataObject) -> None:
    """Names are cut by position, so one character more or less cannot be right."""
    stem = name.rpartition(".")[0] or name
    place = data.draw(st.integers(0, len(stem) - 1))
    shorter, longer = stem[:place] + stem[place + 1 :], stem[:place] + "X" + stem[place:]
    assert parse(shorter) is None
    assert parse(longer) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "S2A",
        "S2A_MSIL1C_20201308T010311_N0500_R045_T54PXA_20230413T212505.SAFE",
        "S2A_MSIL1C_20200808T010311_N0500_R045_T54PXA_20230413T212505.nc",
        "S2A_MSIL1C_20200808T010311_N0500_R045_T54IXA_20230413T212505.SAFE",
        "LC08_L1TP_192027_20240601_20240608_02_T1",
        "Copernicus_DSM_10_N46_00_E011_00_DEM.DGED",
    ],
)
def test_what_is_no_name_of_a_known_family_is_none(name: str) -> None:
    """No month 13, no foreign extension, no latitude band I, other missions."""
    assert parse(name) is None


NO2 = "S5P_{}_L2__NO2____{}_{}_32222_03_020600_{}.nc"
ORBIT = ("20240101T001838", "20240101T020008")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "S2A_MSIL1C_20200808T010311_N0209_R045_T54PXA_20200808T022424.SAFE",
            "S2A_MSIL1C_20200808T010311_N0500_R045_T54PXA_20230413T212505.SAFE",
        ),
        (
            "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
            "S1A_IW_GRDH_1SDV_20240601T051533_20240601T051557_054128_06953A_77B0.SAFE",
        ),
        (
            NO2.format("OFFL", *ORBIT, "20240102T163450"),
            NO2.format("RPRO", *ORBIT, "20240901T163450"),
        ),
        (
            (
                "S3A_OL_1_EFR____20230601T101210_20230601T101510_20230601T120000"
                "_0179_099_236_2160_PS1_O_NR_003.SEN3"
            ),
            (
                "S3A_OL_1_EFR____20230601T101210_20230601T101510_20230602T120000"
                "_0179_099_236_2160_PS1_O_NT_003.SEN3"
            ),
        ),
        (
            (
                "S6A_P4_2__LR______20210913T004527_20210913T014139_20210914T072049"
                "_3372_031_116_058_EUM__OPE_ST_F04.SEN6"
            ),
            (
                "S6A_P4_2__LR______20210913T004527_20210913T014139_20211114T072049"
                "_3372_031_116_058_EUM__OPE_NT_F06.SEN6"
            ),
        ),
        (
            "SM_OPER_MIR_SMUDP2_20200101T003012_20200101T012312_650_001_1",
            "SM_REPR_MIR_SMUDP2_20200101T003013_20200101T012313_700_001_1",
        ),
    ],
)
def test_versions_share_their_acquisition_and_cover_each_other(one: str, other: str) -> None:
    """Baselines, reprocessing, timeliness."""
    first, second = read(one), read(other)
    assert first.acquisition == second.acquisition
    assert first.covers(second)
    assert second.covers(first)
    assert first.version <= second.version


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "S2A_MSIL1C_20200808T010311_N0500_R045_T54PXA_20230413T212505.SAFE",
            "S2A_MSIL2A_20200808T010311_N0500_R045_T54PXA_20230413T212505.SAFE",
        ),
        (
            "S2A_MSIL1C_20200808T010311_N0500_R045_T54PXA_20230413T212505.SAFE",
            "S2A_MSIL1C_20200808T010311_N0500_R045_T55PBR_20230413T212505.SAFE",
        ),
        (
            "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
            "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E_COG.SAFE",
        ),
        (
            "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
            "S1A_IW_SLC__1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E.SAFE",
        ),
    ],
)
def test_other_products_of_one_acquisition_are_no_versions(one: str, other: str) -> None:
    """Level, tile, format and type make another product."""
    assert read(one).acquisition != read(other).acquisition


def test_slices_of_a_datatake_do_not_cover_each_other() -> None:
    """They overlap by a second or two, and no one makes another superfluous."""
    one = read("S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E")
    next_one = read("S1A_IW_GRDH_1SDV_20240601T051557_20240601T051622_054128_06953A_A0A0")
    assert one.acquisition == next_one.acquisition
    assert not one.covers(next_one)
    assert not next_one.covers(one)


def test_a_whole_orbit_covers_its_granules_and_not_the_reverse() -> None:
    """A near-real-time granule of five minutes is a part of the offline product."""
    whole = read(NO2.format("OFFL", *ORBIT, "20240102T163450"))
    within = read(NO2.format("NRTI", "20240101T003838", "20240101T004338", "20240101T013450"))
    across = read(NO2.format("NRTI", "20240101T015638", "20240101T020138", "20240101T024450"))
    assert whole.acquisition == within.acquisition == across.acquisition
    assert whole.covers(within)
    assert not within.covers(whole)
    assert not whole.covers(across)


def test_files_of_smos_are_their_products() -> None:
    """The catalogue lists the folder that the data, its header or its netCDF is in."""
    stem = "SM_OPER_MIR_SMUDP2_20230501T162850_20230501T172204_700_001_1"
    for extension in ("", ".nc", ".DBL", ".hdr", ".zip", ".nc.zip"):
        assert read(stem + extension).listed == stem


def test_short_products_one_after_another_do_not_cover_each_other() -> None:
    """The tolerance is never more than a part of what is covered."""
    form = "S1A_WV_OCN__2SSV_20240601T0515{}_20240601T0515{}_054128_06953A_1F2E"
    one, next_one = read(form.format("32", "35")), read(form.format("35", "38"))
    assert not one.covers(next_one)


def test_times_are_in_utc() -> None:
    """Names have no zone."""
    assert read(
        "S2A_MSIL1C_20200808T010311_N0500_R045_T54PXA_20230413T212505"
    ).sensing_start == datetime(2020, 8, 8, 1, 3, 11, tzinfo=UTC)
