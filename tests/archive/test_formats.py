"""What a body is, and that error pages are no products."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.archive.formats import (
    HEAD_BYTES,
    Format,
    error_page,
    possible_names,
    recognise,
    suffix_for,
)

SAFE = "S2B_MSIL2A_20240715T101559_N0510_R065_T32TQM_20240715T131022.SAFE"
ORBIT = "S1A_OPER_AUX_POEORB_OPOD_20210301T121423_V20210208T225942_20210210T005942.EOF"
S5P = "S5P_OFFL_L2__NO2____20240101T000000_20240101T010000_32000_03_020600_20240102T000000.nc"
EOF_HEAD = b'<?xml version="1.0"?>\n<Earth_Explorer_File>\n<Earth_Explorer_Header>'


def short(value: object) -> str:
    return ascii(value)[:30]


def zip_head() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("X.SAFE/manifest.safe"), "x" * 2000)
    return file.getvalue()[:HEAD_BYTES]


def tar_head(kind: int = tarfile.USTAR_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        archive.addfile(tarfile.TarInfo("X/file"))
    return file.getvalue()[:HEAD_BYTES]


def old_tar_head() -> bytes:
    """Before POSIX a tar had no magic number."""
    head = bytearray(tar_head())
    head[257:265] = bytes(8)
    return bytes(head)


HEADS = {
    "zip": (zip_head(), Format.ZIP),
    "tar": (tar_head(), Format.TAR),
    "gnu tar": (tar_head(tarfile.GNU_FORMAT), Format.TAR),
    "gzip": (gzip.compress(b"x", mtime=0), Format.GZIP),
    "netcdf classic": (b"CDF\x01\0\0", Format.NETCDF),
    "netcdf 64 bit": (b"CDF\x02\0\0", Format.NETCDF),
    "netcdf data": (b"CDF\x05\0\0", Format.NETCDF),
    "netcdf 4": (b"\x89HDF\r\n\x1a\n\0", Format.NETCDF),
    "orbit file": (EOF_HEAD, Format.XML),
    "xml with mark": (b"\xef\xbb\xbf<?xml?>", Format.XML),
    "bytes": (b"\x00\x01\x02", Format.OTHER),
    "text": (b"hello", Format.OTHER),
    "nothing": (b"", Format.OTHER),
}


@pytest.mark.parametrize("kind", HEADS)
def test_formats_are_recognised_by_their_first_bytes(kind: str) -> None:
    """Not by what the name promises."""
    head, wanted = HEADS[kind]
    assert recognise("whatever", head) is wanted


def test_an_old_tar_is_known_by_its_name() -> None:
    """It has no magic number, but it is binary."""
    assert recognise("S2_MSI_L1B.TAR", old_tar_head()) is Format.TAR
    assert recognise("S2_MSI_L1B", old_tar_head()) is Format.OTHER
    assert recognise("S2_MSI_L1B.tar", b"a message") is Format.OTHER


@pytest.mark.parametrize(
    ("name", "found", "suffix"),
    [
        (SAFE, Format.ZIP, ".zip"),
        (SAFE, Format.TAR, ".tar"),
        ("X.SEN3", Format.ZIP, ".zip"),
        (S5P, Format.NETCDF, ""),
        (S5P, Format.ZIP, ".zip"),
        ("X", Format.NETCDF, ".nc"),
        (ORBIT, Format.XML, ""),
        (ORBIT, Format.ZIP, ".zip"),
        ("S1A_OPER_AUX_POEORB_X", Format.XML, ".EOF"),
        ("X.xml", Format.XML, ""),
        ("AUX_GNSSRD", Format.GZIP, ".tgz"),
        ("AUX_GNSSRD.TGZ", Format.GZIP, ""),
        ("X.tar.gz", Format.GZIP, ""),
        ("MSI_L1B_DS", Format.TAR, ".tar"),
        ("MSI_L1B_DS.TAR", Format.TAR, ""),
        ("X.zip", Format.ZIP, ""),
        ("X.ZIP", Format.ZIP, ""),
        ("X", Format.ZIP, ".zip"),
        ("X", Format.OTHER, ""),
    ],
)
def test_the_suffix_tells_the_format_once(name: str, found: Format, suffix: str) -> None:
    """Copernicus Data Space names files after the product plus what they are."""
    assert suffix_for(name, found) == suffix


@pytest.mark.parametrize(
    ("name", "head", "content_type", "words"),
    [
        (SAFE, b"", "application/zip", "empty"),
        (SAFE, b"<!DOCTYPE html><html>", "", "HTML"),
        (SAFE, b"\n  <html lang='en'>", "application/octet-stream", "HTML"),
        (SAFE, b"\xef\xbb\xbf<!doctype HTML>", "", "HTML"),
        (S5P, b"Sorry", "text/html; charset=utf-8", "text/html"),
        (ORBIT, b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD">', "", "HTML"),
        (SAFE, b'{"code":"DAT-ZIP-604","message":"Token not found"}', "", "Token not found"),
        (SAFE, b'{ "detail": "x"}', "application/octet-stream", "JSON"),
        (SAFE, b"[]", "", "JSON"),
        ("AUX_x", b"not json at all", "application/json", "JSON"),
        ("AUX_x", b"gone", "application/problem+json", "JSON"),
        (ORBIT, b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "", "XML error"),
        (SAFE, b"<?xml version='1.0'?><Manifest/>", "", "promises"),
        (SAFE, b"\x00\x01\x02", "application/octet-stream", "something else"),
        (SAFE, b"CDF\x01", "", "this is netcdf"),
        ("X.SEN3", b"plain words", "text/plain", "promises"),
        (S5P, b"plain words", "text/plain", "promises netcdf or zip"),
        (ORBIT, b"\x00\x01", "", "promises xml or zip"),
    ],
    ids=short,
)
def test_error_pages_and_wrong_bodies_are_explained(
    name: str, head: bytes, content_type: str, words: str
) -> None:
    """A 200 is no proof: type, first bytes and the name's promise are looked at."""
    reason = error_page(name, head, content_type)
    assert reason is not None
    assert words in reason


@pytest.mark.parametrize(
    ("name", "head", "content_type"),
    [
        (SAFE, zip_head(), "application/octet-stream"),
        (SAFE, zip_head(), "text/html"),
        (SAFE, zip_head(), "application/json"),
        (SAFE, tar_head(), ""),
        (SAFE, gzip.compress(b"x", mtime=0), ""),
        (S5P, b"CDF\x01", ""),
        (S5P, zip_head(), ""),
        (ORBIT, EOF_HEAD, "application/xml"),
        (ORBIT, zip_head(), ""),
        ("MSI_L1B_DS.TAR", old_tar_head(), ""),
        ("AUX_without_ending", b"\x00\x01\x02", "application/octet-stream"),
        ("features.geojson", b'{"type": "FeatureCollection"}', "application/geo+json"),
    ],
    ids=short,
)
def test_products_are_not_taken_for_error_pages(name: str, head: bytes, content_type: str) -> None:
    """A wrongly labelled product is still a product."""
    assert error_page(name, head, content_type) is None


def test_a_long_message_is_shortened_and_made_printable() -> None:
    """What a hub says does not flood or colour the terminal."""
    reason = error_page(SAFE, b"<html>\x1b[31m" + b"long " * 500, "")
    assert reason is not None
    assert len(reason) < 300
    assert reason.isprintable()


@given(name=st.text(max_size=20), head=st.binary(max_size=300), content_type=st.text(max_size=30))
def test_any_body_gets_an_answer(name: str, head: bytes, content_type: str) -> None:
    """Property: whatever a hub sends, the check itself does not fail."""
    reason = error_page(name, head, content_type)
    assert reason is None or reason.isprintable() or not name.isprintable()
    assert suffix_for(name, recognise(name, head)) in ("", ".zip", ".tar", ".tgz", ".nc", ".EOF")


def test_a_complete_copy_may_have_several_names() -> None:
    """For adoption: what s2fetch and other programs call it, likeliest first."""
    stem = SAFE.removesuffix(".SAFE")
    names = possible_names(SAFE)
    assert names[0] == SAFE + ".zip"
    assert {SAFE, stem + ".zip", SAFE + ".tar", SAFE + ".tgz"} <= set(names)
    assert possible_names(S5P)[:2] == (S5P, S5P + ".zip")
    assert {"X", "X.zip", "X.EOF", "X.tgz", "X.tar", "X.nc"} <= set(possible_names("X"))


@given(name=st.text(min_size=1, max_size=20), found=st.sampled_from(Format))
def test_what_is_stored_is_found_again(name: str, found: Format) -> None:
    """Property: a name s2fetch itself would give is among those it looks for."""
    assert len(set(possible_names(name))) == len(possible_names(name))
    promised = error_page(name, {f: h for h, f in HEADS.values()}[found], "")
    if promised is None:
        assert name + suffix_for(name, found) in possible_names(name)
