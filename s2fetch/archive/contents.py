"""Checks a zipped product from the inside: members' CRCs and the product's own manifest.

Only reads. Names of members are looked up and never become paths.
"""

from __future__ import annotations

import errno
import hashlib
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote
from xml.parsers import expat

import msgspec

from s2fetch.errors import ChecksumMismatchError, NotAProductError
from s2fetch.product import Proof

MANIFESTS = ("manifest.safe", "xfdumanifest.xml")
"""Names of the manifest in SAFE and SEN3 products."""

_BLOCK_BYTES = 1 << 20
_MANIFEST_BYTES = 64 << 20
_UNPACKED_TIMES = 100
_UNPACKED_EXTRA_BYTES = 64 << 20
_ENCRYPTED = 0x1
_DIGESTS = {"MD5": "md5", "SHA3-256": "sha3_256", "SHA-256": "sha256", "SHA256": "sha256"}
_UNREADABLE = (
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Listed(msgspec.Struct, frozen=True):
    """A file of a manifest: its path inside the product and its digest.

    Attributes:
        href: As written, relative to the manifest.
        algorithm: As written, for example ``MD5`` or ``SHA3-256``.
        value: Hexadecimal digest.
    """

    href: str
    algorithm: str
    value: str


def read_manifest(content: bytes) -> list[Listed]:
    """The files a manifest lists with a digest (XFDU, CCSDS 661.0-B-1: ``byteStream``).

    Raises:
        ValueError: It is no XML, or declares a document type, which no manifest needs.
    """
    found: list[Listed] = []
    href = algorithm = ""
    text: list[str] | None = None

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal href, algorithm, text
        match tag.rpartition(":")[2]:
            case "byteStream":
                href = ""
            case "fileLocation":
                href = attributes.get("href", "")
            case "checksum":
                algorithm, text = attributes.get("checksumName", ""), []

    def end(tag: str) -> None:
        nonlocal text
        if tag.rpartition(":")[2] == "checksum" and text is not None:
            if href:
                found.append(Listed(href, algorithm.upper(), "".join(text).strip().lower()))
            text = None

    def characters(data: str) -> None:
        if text is not None:
            text.append(data)

    def doctype(*_: object) -> None:
        msg = "the manifest declares a document type"
        raise ValueError(msg)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return found


def check_zip(path: Path, product_name: str, tick: Callable[[int], None]) -> Proof:
    """Read every member and compare its CRC-32, and its digest where the manifest lists one.

    Returns:
        ``MANIFEST`` when the manifest's digests were among what holds, else ``ZIP_CRC``.

    Raises:
        NotAProductError: No valid zip, or files the manifest lists are missing.
        ChecksumMismatchError: A file has another digest than the manifest lists.
        OSError: The file cannot be read.
    """
    with _reading(product_name):
        archive = zipfile.ZipFile(path)
    with archive:
        return _check_members(archive, path.stat().st_size, product_name, tick)


@contextmanager
def _reading(product_name: str) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise _not_a_product(f"the zip is damaged ({error})", product_name) from error
    except OSError as error:
        # An offset that points before the file's start; everything else is the disk's fault.
        if error.errno != errno.EINVAL:
            raise
        raise _not_a_product("the zip is damaged (a wrong offset)", product_name) from error


def _check_members(
    archive: zipfile.ZipFile, size_bytes: int, product_name: str, tick: Callable[[int], None]
) -> Proof:
    members = [member for member in archive.infolist() if not member.is_dir()]
    unpacked = sum(member.file_size for member in members)
    if not members:
        raise _not_a_product("the zip is empty", product_name)
    if unpacked > _UNPACKED_TIMES * size_bytes + _UNPACKED_EXTRA_BYTES:
        raise _not_a_product(f"the zip claims to unpack to {unpacked} bytes", product_name)
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise _not_a_product("the zip is encrypted", product_name)
    listed = _listed_digests(archive, members, product_name)
    missing = sorted(listed.keys() - {member.filename for member in members})
    if missing:
        raise _not_a_product(
            f"the zip lacks {len(missing)} files its manifest lists, e.g. {missing[0][:120]!a}",
            product_name,
        )
    for member in members:
        expected = listed.get(member.filename)
        hasher = _hasher(expected.algorithm) if expected else None
        for block in _blocks(archive, member, product_name):
            if hasher:
                hasher.update(block)
            tick(len(block))
        if expected and hasher and hasher.hexdigest() != expected.value:
            raise ChecksumMismatchError(
                f"{member.filename[:120]!a} has {expected.algorithm}:{hasher.hexdigest()}, "
                f"the product's manifest lists {expected.algorithm}:{expected.value}",
                product=product_name,
                did="The file was not taken into the archive",
                advice="The product is fetched again",
            )
    return Proof.MANIFEST if listed else Proof.ZIP_CRC


def _listed_digests(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], product_name: str
) -> dict[str, Listed]:
    """Member names with the digest the manifest lists; empty without a readable manifest."""
    manifest = _find_manifest(members)
    if manifest is None or manifest.file_size > _MANIFEST_BYTES:
        return {}
    with _reading(product_name):
        content = archive.read(manifest)
    try:
        files = read_manifest(content)
    except ValueError:
        # The members' CRCs still speak for the file: it is as it was published.
        return {}
    folder = posixpath.dirname(manifest.filename)
    return {
        posixpath.normpath(posixpath.join(folder, unquote(each.href))): each
        for each in files
        if each.algorithm in _DIGESTS and each.value
    }


def _find_manifest(members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo | None:
    """The manifest in the product's folder, the only one at the top of the zip."""
    for member in members:
        folder, _, name = member.filename.rpartition("/")
        if name in MANIFESTS and "/" not in folder:
            return member
    return None


def _blocks(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, product_name: str
) -> Iterator[bytes]:
    with _reading(product_name), archive.open(member) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _hasher(algorithm: str) -> _Digest:
    return hashlib.new(_DIGESTS[algorithm], usedforsecurity=False)


def _not_a_product(what: str, product_name: str) -> NotAProductError:
    return NotAProductError(
        what,
        product=product_name,
        did="The file was not taken into the archive",
        advice="It is fetched again; should this last, tell the operator of the hub",
    )
