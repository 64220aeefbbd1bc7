"""Checks a zipped product from the inside: members' CRCs and the product's own manifest.

Only reads. Names of members are looked up and never become paths.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from s2fetch.archive.manifest import MANIFESTS, MOST_BYTES, Listed, read_manifest
from s2fetch.errors import ChecksumMismatchError, NotAProductError
from s2fetch.product import Proof
from s2fetch.zips import ZIP_ERRORS, is_zips_fault

_BLOCK_BYTES = 1 << 20
_UNPACKED_TIMES = 100
_UNPACKED_EXTRA_BYTES = 64 << 20
_ENCRYPTED = 0x1
_END_RECORD = b"PK\x05\x06"
_END_RECORD_BYTES = 22


def check_zip(
    path: Path, product_name: str, tick: Callable[[int], None], *, length_known: bool = False
) -> Proof:
    """Read every member and compare its CRC-32, and its digest where the manifest lists one.

    Args:
        path: The zip.
        product_name: For messages.
        tick: Told the bytes of every block read.
        length_known: Whether the file has the length its hub lists. Else it must end where the zip
            does.

    Returns:
        ``MANIFEST`` when the manifest's digests were among what holds, else ``ZIP_CRC``.

    Raises:
        NotAProductError: No valid zip, or more than that, or files the manifest lists are missing.
        ChecksumMismatchError: A file has another digest than the manifest lists.
        OSError: The file cannot be read.
    """
    with _reading(product_name):
        archive = zipfile.ZipFile(path)
    with archive:
        size_bytes = path.stat().st_size
        if not length_known and not _ends_with_record(path, size_bytes, archive.comment):
            raise _not_a_product("bytes follow that are not part of the zip", product_name)
        return _check_members(archive, size_bytes, product_name, tick)


def _ends_with_record(path: Path, size_bytes: int, comment: bytes) -> bool:
    """Whether the record that ends a zip, which `zipfile` searches for, also ends the file.

    Source: APPNOTE.TXT, "End of central directory record".
    """
    record = _END_RECORD + struct.pack("<H", len(comment))
    with path.open("rb") as file:
        file.seek(max(0, size_bytes - len(comment) - _END_RECORD_BYTES))
        end = file.read(_END_RECORD_BYTES)
    return end[:4] + end[-2:] == record


@contextmanager
def _reading(product_name: str) -> Iterator[None]:
    try:
        yield
    except ZIP_ERRORS as error:
        raise _not_a_product(f"the zip is damaged ({error})", product_name) from error
    except OSError as error:
        if not is_zips_fault(error):
            raise
        raise _not_a_product(f"the zip is damaged ({error})", product_name) from error


def _check_members(
    archive: zipfile.ZipFile, size_bytes: int, product_name: str, tick: Callable[[int], None]
) -> Proof:
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
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
        hasher = expected.digest() if expected else None
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
    if manifest is None or manifest.file_size > MOST_BYTES:
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
        posixpath.normpath(posixpath.join(folder, each.path)): each
        for each in files
        if each.is_checkable
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


def _not_a_product(what: str, product_name: str) -> NotAProductError:
    return NotAProductError(
        what,
        product=product_name,
        did="The file was not taken into the archive",
        advice="It is fetched again; should this last, tell the operator of the hub",
    )
