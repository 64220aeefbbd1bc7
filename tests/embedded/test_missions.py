"""Made-up products of every mission look like real ones."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from s2fetch.embedded.missions import mission_products
from s2fetch.embedded.registry import ATTRIBUTES

TIME = r"\d{8}T\d{6}"
NAMES = {
    "SENTINEL-1": rf"S1[A-D]_(IW|EW|WV)_[A-Z]{{3}}[A-Z_]_[012]S[SD][HV]_{TIME}_{TIME}_\d{{6}}"
    rf"_[0-9A-F]{{6}}_[0-9A-F]{{4}}(_COG)?\.SAFE"
    rf"|S1[A-D]_OPER_AUX_POEORB_OPOD_{TIME}_V{TIME}_{TIME}\.EOF",
    "SENTINEL-2": rf"S2[A-D]_MSI(L1C|L2A)_{TIME}_N\d{{4}}_R\d{{3}}_T\d\d[A-Z]{{3}}_{TIME}\.SAFE",
    "SENTINEL-3": rf"S3[AB]_[A-Z]{{2}}_[12]_\w{{6}}_{TIME}_{TIME}_{TIME}_\d{{4}}_\d{{3}}_\d{{3}}"
    r"_\d{4}_PS1_O_(NR|ST|NT)_004\.SEN3",
    "SENTINEL-5P": rf"S5P_(NRTI|OFFL|RPRO)_\w{{10}}_{TIME}_{TIME}_\d{{5}}_\d\d_\d{{6}}_{TIME}\.nc",
    "SENTINEL-6": rf"S6A_(P4|MW)_(1B|2_)_\w{{7}}_{TIME}_{TIME}_{TIME}_\d{{4}}_\d{{3}}_\d{{3}}"
    r"_\d{3}_EUM__OPE_NT_F\d\d\.SEN6",
    "SENTINEL-1-RTC": r"S1A_.*_RTC",
    "COP-DEM": r"DEM1_SAR_.*\.DEM",
    "SMOS": r"SM_OPER_.*",
}
WIDTHS = {"SENTINEL-3": 94, "SENTINEL-5P": 83, "SENTINEL-6": 98, "SENTINEL-2": 60}


@pytest.mark.parametrize("collection", NAMES)
def test_names_follow_the_conventions(collection: str) -> None:
    """Field by field and, where it is fixed, in their length."""
    names = [entry.name for entry, _ in mission_products() if entry.collection == collection]
    assert names
    for name in names:
        assert re.fullmatch(NAMES[collection], name), name
        stem = re.sub(r"\.(SAFE|SEN3|SEN6|nc)$", "", name)
        assert len(stem) == WIDTHS.get(collection, len(stem))


def test_every_attribute_is_of_the_registry_and_of_its_type() -> None:
    """But for the two that every product has and no registry lists; a number may be text."""
    for entry, _ in mission_products():
        own = dict(ATTRIBUTES[entry.collection])
        for one in entry.attributes:
            assert one.type == own.get(one.name, "DateTimeOffset")
            allowed = {"Integer": (int, str), "Double": float, "Boolean": bool}.get(one.type, str)
            assert isinstance(one.value, allowed), one  # type: ignore[arg-type]


def test_bodies_are_what_the_names_promise() -> None:
    """A zip with one folder, netCDF, or XML; as long as listed."""
    for entry, body in mission_products(1):
        assert len(body) == entry.content_length
        if entry.name.endswith(".nc"):
            assert body.startswith(b"\x89HDF\r\n\x1a\n")
        elif entry.name.endswith(".EOF"):
            assert body.startswith(b"<?xml")
        else:
            members = zipfile.ZipFile(io.BytesIO(body)).namelist()
            assert members == [f"{entry.name}/manifest.safe"]


def test_products_are_always_the_same_and_each_its_own() -> None:
    """So that tests can count them."""
    first, second = mission_products(5), mission_products(5)
    assert first == second
    assert len({entry.id for entry, _ in first}) == len(first)
