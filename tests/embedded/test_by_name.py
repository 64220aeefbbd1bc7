"""What the embedded hub lists for a file it knows only the name of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.embedded.by_name import told_by
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.missions import mission_products
from s2fetch.embedded.registry import ATTRIBUTES
from tests import names

NOT_TOLD = ("SENTINEL-1-RTC", "COP-DEM", "SMOS")
"""Collections whose names say nothing."""
ENTRIES = [entry for entry, _ in mission_products(4) if entry.collection not in NOT_TOLD]


def seconds(time: str) -> str:
    """Names have no fractions."""
    return time[:19]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_name_tells_what_the_catalogue_lists(entry: Entry) -> None:
    """As far as it goes, and nothing else than that."""
    told = told_by(entry.name)
    assert told is not None
    assert told.collection == entry.collection
    assert seconds(told.sensing_start) == seconds(entry.sensing_start)
    if not entry.name.startswith("S2"):
        assert seconds(told.sensing_end) == seconds(entry.sensing_end)
    listed = {one.name: (one.type, one.value) for one in entry.attributes}
    found = {one.name: (one.type, one.value) for one in told.attributes}
    assert found["productType"] == listed["productType"]
    for name in found.keys() & listed.keys() - {"swathIdentifier", "processingDate"}:
        kind, value = found[name]
        either = {value, "&".join(reversed(str(value).split("&")))}
        assert listed[name][0] == kind
        assert listed[name][1] in either, name
    assert len(found) >= 3


@given(
    name=st.one_of(
        *(names.s1_names(), names.s1_auxiliary_names(), names.orbit_names(), names.s2_names()),
        *(names.s2_old_names(), names.s3_names(), names.s5p_names(), names.s6_names()),
    )
)
def test_every_name_tells_only_what_its_collection_has(name: str) -> None:
    """Of the type that the registry says."""
    told = told_by(name)
    assert told is not None
    registered = dict(ATTRIBUTES[told.collection])
    for one in told.attributes:
        assert registered[one.name] == one.type
        assert isinstance(one.value, int if one.type == "Integer" else str)
        assert one.value != ""


def values_of(name: str) -> dict[str, object]:
    told = told_by(name)
    assert told is not None
    return {one.name: one.value for one in told.attributes}


def test_a_strip_map_is_one_mode_of_many_beams() -> None:
    """In names the beam stands where other modes have their own."""
    start = "20240601T053212_20240601T053237_054123_069123_ABCD.SAFE"
    values = values_of(f"S1A_S3_GRDH_1SDV_{start}")
    assert (values["operationalMode"], values["swathIdentifier"]) == ("SM", "S3")
    values = values_of(f"S1A_EW_GRDM_1SDH_{start}")
    assert (values["operationalMode"], values["swathIdentifier"]) == ("EW", "EW")


def test_the_only_platform_of_a_mission_has_no_letter() -> None:
    """As Sentinel-5P."""
    name = "S5P_NRTI_L2__O3_TCL_20240601T053212_20240601T071312_34381_03_020600_20240601T083212.nc"
    assert "platformSerialIdentifier" not in values_of(name)


def test_a_folder_of_any_mission_can_be_searched(tmp_path: Path) -> None:
    """Its files need no descriptions."""
    for entry in ENTRIES:
        suffix = "" if entry.name.endswith((".nc", ".EOF")) else ".zip"
        (tmp_path / f"{entry.name}{suffix}").write_bytes(b"any")
    opened = FolderCatalogue.open(tmp_path).entries
    assert {(entry.collection, entry.name) for entry in opened} == {
        (entry.collection, entry.name) for entry in ENTRIES
    }


def test_a_name_of_no_mission_tells_nothing() -> None:
    """It is listed all the same."""
    assert told_by("LC08_L1TP_192027_20240601.tar") is None
