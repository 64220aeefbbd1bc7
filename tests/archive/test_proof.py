"""Proofs that a file is the product."""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from blake3 import blake3

from s2fetch.archive.manifest import Listed, read_manifest
from s2fetch.archive.proof import BLOCK_BYTES, digest, new_hasher, prove, prove_unlisted
from s2fetch.errors import (
    ArchiveError,
    BodyCutError,
    BodyTooLongError,
    ChecksumMismatchError,
    Fate,
    NotAProductError,
)
from s2fetch.product import Algorithm, Checksum, Product, Proof

NAME = "S2B_MSIL2A_20240715T101559_N0510_R065_T32TQM_20240715T131022.SAFE"
RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
FILES = {"MTD.xml": b"<metadata/>" * 50, "GRANULE/IMG/B02.jp2": bytes(range(256)) * 4000}


def manifest(files: Mapping[str, bytes], algorithm: str = "MD5", extra: str = "") -> bytes:
    """A manifest as Sentinel products have it, with the digests of some files."""
    listed = "".join(
        f'<dataObject ID="x"><byteStream mimeType="text/xml" size="{len(content)}">'
        f'<fileLocation locatorType="URL" href="./{path}"/>'
        f'<checksum checksumName="{algorithm}">{value(content, algorithm)}</checksum>'
        "</byteStream></dataObject>"
        for path, content in files.items()
    )
    return (
        f'<?xml version="1.0"?>{extra}<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1">'
        f"<dataObjectSection>{listed}</dataObjectSection></xfdu:XFDU>"
    ).encode()


def value(content: bytes, algorithm: str) -> str:
    if algorithm == "SHA3-256":
        return hashlib.sha3_256(content).hexdigest().upper()
    return hashlib.md5(content).hexdigest()


def zipped(
    path: Path,
    files: Mapping[str, bytes],
    manifest_content: bytes | None = None,
    manifest_name: str = "manifest.safe",
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.mkdir(NAME)
        if manifest_content is not None:
            archive.writestr(f"{NAME}/{manifest_name}", manifest_content)
        for name, content in files.items():
            archive.writestr(f"{NAME}/{name}", content)
    return path


def product(path: Path | None = None, name: str = NAME, **more: object) -> Product:
    if path is not None:
        more.setdefault("size", path.stat().st_size)
    return Product(id="x", name=name, **more)  # type: ignore[arg-type]


def md5(path: Path) -> Checksum:
    return Checksum(Algorithm.MD5, hashlib.md5(path.read_bytes()).hexdigest())


def b3(path: Path) -> Checksum:
    return Checksum(Algorithm.BLAKE3, blake3(path.read_bytes()).hexdigest())


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


def test_a_digest_is_computed_over_any_part_of_a_file(tmp_path: Path) -> None:
    """Also over several blocks, and the blocks are told."""
    path = tmp_path / "file"
    content = bytes(range(251)) * 12_000
    path.write_bytes(content)
    told: list[int] = []
    assert digest(path, Algorithm.MD5, tick=told.append) == md5(path)
    assert sum(told) == len(content)
    assert max(told) <= BLOCK_BYTES
    assert digest(path, Algorithm.BLAKE3) == b3(path)
    part = digest(path, Algorithm.MD5, start=1000, stop=2_000_001)
    assert part.value == hashlib.md5(content[1000:2_000_001]).hexdigest()
    assert digest(path, Algorithm.MD5, stop=0).value == new_hasher(Algorithm.MD5).hexdigest()
    beyond = digest(path, Algorithm.MD5, start=len(content) - 5, stop=len(content) + 5)
    assert beyond.value == hashlib.md5(content[-5:]).hexdigest()


def test_a_tick_that_raises_stops_the_reading(tmp_path: Path) -> None:
    """How a run is cancelled: whatever is raised comes out unchanged."""

    class StopError(RuntimeError):
        pass

    def stop(_: int) -> None:
        raise StopError

    path = zipped(tmp_path / "p.zip", FILES)
    for listed in ((md5(path),), ()):
        with pytest.raises(StopError):
            prove(path, product(path, checksums=listed), tick=stop)


def test_a_missing_file_is_an_archive_error(tmp_path: Path) -> None:
    """Not a bare OSError."""
    with pytest.raises(ArchiveError):
        prove(tmp_path / "missing", product(checksums=(Checksum(Algorithm.MD5, "0"),)))
    with pytest.raises(ArchiveError):
        digest(tmp_path / "missing", Algorithm.MD5)


def test_md5_is_the_proof_whenever_it_is_listed(tmp_path: Path) -> None:
    """Also beside BLAKE3, in whatever case the catalogue writes it."""
    path = zipped(tmp_path / "p.zip", FILES)
    upper = Checksum(Algorithm.MD5, md5(path).value.upper())
    evidence = prove(path, product(path, checksums=(b3(path), upper)))
    assert evidence.proof is Proof.MD5
    assert evidence.checksum == md5(path)
    assert evidence.size == path.stat().st_size


def test_blake3_is_the_proof_when_it_is_all_there_is(tmp_path: Path) -> None:
    """Then the recorded digest is BLAKE3 too."""
    path = zipped(tmp_path / "p.zip", FILES)
    evidence = prove(path, product(path, checksums=(b3(path),)))
    assert evidence.proof is Proof.BLAKE3
    assert evidence.checksum == b3(path)


def test_another_digest_is_a_mismatch_that_names_both(tmp_path: Path) -> None:
    """One flipped byte is found."""
    path = zipped(tmp_path / "p.zip", FILES)
    wanted = md5(path)
    flip(path, 5000)
    with pytest.raises(ChecksumMismatchError) as caught:
        prove(path, product(path, checksums=(wanted,)))
    assert wanted.value in str(caught.value)
    assert md5(path).value in str(caught.value)
    assert caught.value.product == NAME
    assert caught.value.fate is Fate.RETRY


@pytest.mark.parametrize("listed", [True, False])
def test_the_length_is_checked_first(tmp_path: Path, listed: bool) -> None:
    """Too short and too long are different errors; nothing is read for them."""
    path = zipped(tmp_path / "p.zip", FILES)
    size = path.stat().st_size
    checksums = (md5(path),) if listed else ()
    told: list[int] = []
    with pytest.raises(BodyCutError, match=str(size + 1)):
        prove(path, product(size=size + 1, checksums=checksums), tick=told.append)
    with pytest.raises(BodyTooLongError, match=str(size - 1)):
        prove(path, product(size=size - 1, checksums=checksums), tick=told.append)
    assert told == []


@pytest.mark.parametrize("size", [None, 0])
def test_no_listed_length_restricts_nothing(tmp_path: Path, size: int | None) -> None:
    """Old rows list 0 or nothing at all."""
    path = zipped(tmp_path / "p.zip", FILES)
    assert prove(path, product(size=size)).proof is Proof.ZIP_CRC


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_without_a_digest_the_members_are_checked(tmp_path: Path, compression: int) -> None:
    """Every CRC-32 holds, and the whole file's MD5 is computed for later."""
    path = zipped(tmp_path / "p.zip", FILES, compression=compression)
    told: list[int] = []
    evidence = prove(path, product(path), tick=told.append)
    assert evidence.proof is Proof.ZIP_CRC
    assert evidence.checksum == md5(path)
    assert sum(told) == path.stat().st_size + sum(map(len, FILES.values()))


def test_a_digest_known_from_streaming_is_not_computed_again(tmp_path: Path) -> None:
    """The transfer has it already."""
    path = zipped(tmp_path / "p.zip", FILES)
    known = Checksum(Algorithm.MD5, "f" * 32)
    assert prove_unlisted(path, product(path), computed=known).checksum == known


@pytest.mark.parametrize("algorithm", ["MD5", "SHA3-256"])
@pytest.mark.parametrize("name", ["manifest.safe", "xfdumanifest.xml"])
def test_the_products_own_manifest_is_the_better_proof(
    tmp_path: Path, algorithm: str, name: str
) -> None:
    """MD5 in older and SHA3-256 in newer products; both kinds of manifest."""
    path = zipped(tmp_path / "p.zip", FILES, manifest(FILES, algorithm), name)
    assert prove(path, product(path)).proof is Proof.MANIFEST


def test_files_the_manifest_does_not_list_are_no_trouble(tmp_path: Path) -> None:
    """Nor is the manifest itself."""
    path = zipped(tmp_path / "p.zip", FILES, manifest({"MTD.xml": FILES["MTD.xml"]}))
    assert prove(path, product(path)).proof is Proof.MANIFEST


def test_a_file_the_manifest_lists_must_be_there(tmp_path: Path) -> None:
    """A product that lacks a file is incomplete although its zip is sound."""
    path = zipped(tmp_path / "p.zip", FILES, manifest({**FILES, "GRANULE/B03.jp2": b"x"}))
    with pytest.raises(NotAProductError, match=r"lacks 1 files.*B03\.jp2"):
        prove(path, product(path))


def test_a_file_must_have_the_digest_the_manifest_lists(tmp_path: Path) -> None:
    """A zip made from damaged files has the right CRCs of the wrong bytes."""
    path = zipped(tmp_path / "p.zip", {**FILES, "MTD.xml": b"rot"}, manifest(FILES))
    with pytest.raises(ChecksumMismatchError, match=r"MTD\.xml"):
        prove(path, product(path))


@pytest.mark.parametrize(
    "content",
    [
        b"not xml",
        manifest({}),
        manifest(FILES, "CRC"),
        re.sub(rb"(checksumName=[^>]*>)[0-9a-f]+", rb"\1", manifest(FILES)),
        manifest(FILES, extra='<!DOCTYPE x [<!ENTITY a "aaaa">]>'),
        manifest(FILES).replace(b'"1.0"', b'"1.0" encoding="none"'),
    ],
    ids=[
        "no xml",
        "no files",
        "unknown digest",
        "empty digest",
        "document type",
        "unknown encoding",
    ],
)
def test_a_manifest_that_tells_nothing_leaves_the_crcs(tmp_path: Path, content: bytes) -> None:
    """The product is as it was published; the proof is recorded as the lesser one."""
    path = zipped(tmp_path / "p.zip", FILES, content)
    assert prove(path, product(path)).proof is Proof.ZIP_CRC


def test_a_manifest_deeper_in_the_product_is_not_its_own(tmp_path: Path) -> None:
    """Only the one in the top folder counts."""
    path = zipped(tmp_path / "p.zip", {**FILES, "a/manifest.safe": manifest({"nowhere": b""})})
    assert prove(path, product(path)).proof is Proof.ZIP_CRC


@pytest.mark.parametrize("comment", [b"", b"made by somebody"])
def test_a_zip_that_goes_on_after_its_end_is_no_product(tmp_path: Path, comment: bytes) -> None:
    """Readers of zips skip what is after it; nothing else would tell when no length is listed."""
    path = zipped(tmp_path / "p.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = comment
    assert prove_unlisted(path, product(), computed=md5(path)).proof is Proof.ZIP_CRC
    with path.open("ab") as file:
        file.write(b"\0" * 1000)
    with pytest.raises(NotAProductError, match="not part of the zip"):
        prove_unlisted(path, product(), computed=md5(path))
    as_listed = prove_unlisted(path, product(path), computed=md5(path))
    assert as_listed.proof is Proof.ZIP_CRC, "odd, but the hub lists it with this length"


def test_a_cut_zip_is_no_product(tmp_path: Path) -> None:
    """Its end record is missing."""
    path = zipped(tmp_path / "p.zip", FILES)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NotAProductError, match="damaged"):
        prove(path, product(path))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_byte_in_a_member_is_found(tmp_path: Path, compression: int) -> None:
    """By its CRC-32 or by the decompressor."""
    path = zipped(tmp_path / "p.zip", FILES, compression=compression)
    flip(path, 600)
    with pytest.raises(NotAProductError, match="damaged"):
        prove(path, product(path))


@pytest.mark.parametrize(
    "compression",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_damage_anywhere_in_a_small_zip_never_escapes_as_another_error(
    tmp_path: Path, compression: int
) -> None:
    """Whatever byte is hit, the answer is a proof or one of the product's errors."""
    files = {"a": b"one", "b": b"two" * 20}
    path = zipped(tmp_path / "p.zip", files, manifest({"a": b"one"}), compression=compression)
    sound = path.read_bytes()
    refused = 0
    for position in range(len(sound)):
        path.write_bytes(sound)
        flip(path, position)
        try:
            prove(path, product(path))
        except (NotAProductError, ChecksumMismatchError):
            refused += 1
    assert refused > len(sound) // 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (NAME, b"<html>error</html>", "HTML"),
        (NAME, b'{"code": "DAT-ZIP-100"}', "DAT-ZIP-100"),
        (NAME, b"neither", "promises"),
        (NAME, b"", "empty"),
        ("X", b"PK\x05\x06" + bytes(18), ""),
    ],
)
def test_error_pages_are_no_products(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Also when the hub called them a success."""
    path = tmp_path / "p"
    path.write_bytes(content)
    if not words:
        assert prove(path, product(path, name)).proof is Proof.LENGTH
        return
    with pytest.raises(NotAProductError, match=words):
        prove(path, product(path, name))


def test_an_empty_zip_is_no_product(tmp_path: Path) -> None:
    """Folders alone prove nothing."""
    path = zipped(tmp_path / "p.zip", {})
    with pytest.raises(NotAProductError, match="empty"):
        prove(path, product(path))


def test_other_formats_are_proved_by_their_length(tmp_path: Path) -> None:
    """netCDF and orbit files have nothing better, and it is recorded as such."""
    path = tmp_path / "p.nc"
    path.write_bytes(b"CDF\x01" + bytes(100))
    evidence = prove(path, product(path, "S5P_X.nc"))
    assert evidence.proof is Proof.LENGTH
    assert evidence.checksum == md5(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """What claims to become absurdly large is refused before it is read."""
    path = zipped(tmp_path / "p.zip", {"zeros": b"a"}, compression=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, 0xFFFFFFF0)
    path.write_bytes(content)
    told: list[int] = []
    with pytest.raises(NotAProductError, match="claims to unpack"):
        prove(path, product(path), tick=told.append)
    assert told == []


def test_hostile_member_names_are_only_read(tmp_path: Path) -> None:
    """Nothing is written anywhere, whatever members and manifests are called."""
    path = tmp_path / "inside" / "p.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil", b"x")
        archive.writestr("/etc/evil", b"x")
        archive.writestr(f"{NAME}/manifest.safe", manifest({"../../evil": b"x"}))
    with pytest.raises(NotAProductError):
        prove(path, product(path))
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["inside", "p.zip"]


def test_an_encrypted_zip_is_no_product(tmp_path: Path) -> None:
    """Nobody has its password."""
    path = zipped(tmp_path / "p.zip", {"a": b"x"})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(NotAProductError, match="encrypted"):
        prove(path, product(path))


@pytest.mark.parametrize(
    ("file", "count", "algorithm", "first"),
    [
        ("manifest-s2-l1c.safe", 97, "MD5", None),
        ("manifest-s2.safe", 59, "SHA3-256", "./MTD_MSIL1C.xml"),
        ("xfdumanifest-s3.xml", 32, "MD5", "./Oa01_reflectance.nc"),
    ],
)
def test_real_manifests_are_read_whole(
    file: str, count: int, algorithm: str, first: str | None
) -> None:
    """As Sentinel-2 before and after 2022, and Sentinel-3, have them."""
    path = RECORDED / file
    if not path.exists():
        pytest.skip("the recorded manifests are not here")
    listed = read_manifest(path.read_bytes())
    assert len(listed) == count
    assert {each.algorithm for each in listed} == {algorithm}
    assert all(each.href.startswith("./") for each in listed)
    assert all(len(each.value) == (32 if algorithm == "MD5" else 64) for each in listed)
    if first:
        assert listed[0].href == first


def test_a_manifest_is_read_whatever_the_order_of_its_parts() -> None:
    """Attributes, spaces and prefixes vary between processors."""
    content = (
        b'<a:X xmlns:a="u"><a:byteStream><a:fileLocation href="./f &amp; g"/>'
        b'<a:checksum checksumName="md5">\n  ABCD </a:checksum></a:byteStream>'
        b'<a:byteStream><a:checksum checksumName="MD5">EF</a:checksum></a:byteStream>'
        b'<a:byteStream size="unknown"><a:fileLocation href="bare"/></a:byteStream>'
        b'<a:byteStream size="7"><a:checksum checksumName="MD5">12<!-- 0 -->34</a:checksum>'
        b'<a:fileLocation href="cut"/></a:byteStream></a:X>'
    )
    assert read_manifest(content) == [
        Listed("./f & g", "MD5", "abcd"),
        Listed("bare"),
        Listed("cut", "MD5", "1234", 7),
    ]
