"""Products that lie unpacked in an archive: found, and proven by their own manifest.

What a hub lists is about the zip, which an unpacked product cannot be compared with. It is the
product when every file that its manifest lists is there with the length and the digest listed, and
it calls itself by the name looked for, as Sentinel-2 (``PRODUCT_URI`` in ``MTD_MSI….xml``) and
Sentinel-3 (``productName`` in the manifest) do. Files besides those of the manifest do not count:
other programs write theirs into the folder.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path

from s2fetch.archive.durable import translating
from s2fetch.archive.manifest import MANIFESTS, MOST_BYTES, Listed, read_manifest
from s2fetch.archive.proof import Evidence, Tick, feed_file, new_hasher, no_tick
from s2fetch.errors import ChecksumMismatchError, NotAProductError
from s2fetch.product import Algorithm, Checksum, Proof

_CONTAINERS = (".safe", ".sen3")
_METADATA = re.compile(r"MTD_MSI\w+\.xml")
_METADATA_NAME = re.compile(rb"<PRODUCT_URI>\s*([^<\s]+)\s*<")
_MANIFEST_NAME = re.compile(rb"<(?:\w+:)?productName>\s*([^<\s]+)\s*<")


def folder_names(product_name: str, placed_name: str) -> tuple[str, ...]:
    """Names of folders that a product may be in unpacked; none for products that are one file.

    Programs that unpack make a folder of the zip's name first, or do not: the product may be that
    folder, or be in it under its own name.

    Args:
        product_name: As published.
        placed_name: What its file is called in the archive, without ``.zip``.
    """
    stem, dot, ending = product_name.rpartition(".")
    if dot + ending.lower() not in _CONTAINERS:
        return ()
    names = (product_name, stem)
    return names if placed_name == product_name else (*names, placed_name)


def find_manifest(folder: Path) -> Path | None:
    """The manifest of the product that lies in a folder, or None when none does."""
    for name in MANIFESTS:
        path = folder / name
        try:
            if stat.S_ISREG(path.stat().st_mode):
                return path
        except OSError:
            continue
    return None


def prove_unpacked(
    folder: Path, product_name: str, *, tick: Tick = no_tick, from_disk: bool = False
) -> Evidence:
    """Show that a folder is the product, whole.

    Args:
        folder: The product's folder, the one with the manifest.
        product_name: What it should be.
        tick: Told the bytes of every block read.
        from_disk: Whether to read past what the system has in memory of the files.

    Returns:
        The bytes of all files, and the digest of the manifest, which vouches for them.

    Raises:
        NotAProductError: No manifest, one that proves nothing, or files are missing or too short.
        ChecksumMismatchError: A file has another digest than the manifest lists.
        ArchiveError: It cannot be read.
    """
    manifest = find_manifest(folder)
    if manifest is None:
        raise _not_whole("there is no manifest in it", product_name)
    with translating(manifest):
        size = manifest.stat().st_size
        if size > MOST_BYTES:
            raise _not_whole("its manifest is longer than any", product_name)
        content = manifest.read_bytes()
    tick(len(content))
    try:
        files = read_manifest(content)
    except ValueError as error:
        raise _not_whole(f"its manifest cannot be read ({error})", product_name) from error
    if not files or not all(each.is_checkable for each in files):
        raise _not_whole("its manifest does not list digests of all files", product_name)
    size += _check_lengths(folder, files, product_name)
    _check_name(folder, content, files, product_name)
    for each in files:
        _check_digest(folder, each, product_name, tick, from_disk=from_disk)
    hasher = new_hasher(Algorithm.BLAKE3)
    hasher.update(memoryview(content))
    checksum = Checksum(Algorithm.BLAKE3, hasher.hexdigest())
    return Evidence(size=size, checksum=checksum, proof=Proof.MANIFEST)


def _check_lengths(folder: Path, files: Iterable[Listed], product_name: str) -> int:
    """The bytes of all files together; looked at first, because it is cheap."""
    sizes: dict[str, int] = {}
    for each in files:
        if each.path.startswith(("/", "..")):
            raise _not_whole(f"its manifest leads out of it ({each.path[:120]!a})", product_name)
        try:
            found = (folder / each.path).stat()
        except (OSError, ValueError) as error:  # the latter for a NUL in the path
            raise _not_whole(f"it lacks {each.path[:120]!a}", product_name) from error
        if not stat.S_ISREG(found.st_mode):
            raise _not_whole(f"{each.path[:120]!a} is no file", product_name)
        if each.size is not None and each.size != found.st_size:
            raise _not_whole(
                f"{each.path[:120]!a} has {found.st_size} bytes instead of {each.size}",
                product_name,
            )
        sizes[each.path] = found.st_size
    return sum(sizes.values())


def _check_name(folder: Path, manifest: bytes, files: Iterable[Listed], product_name: str) -> None:
    """See whether it calls itself by another name than the one looked for."""
    names = _MANIFEST_NAME.findall(manifest)
    for each in files:
        if _METADATA.fullmatch(each.path) and (each.size or 0) <= MOST_BYTES:
            path = folder / each.path
            with translating(path):
                names += _METADATA_NAME.findall(path.read_bytes())
    others = {name.decode("utf-8", "replace") for name in names} - {product_name}
    if others:
        raise _not_whole(f"it is {min(others)[:120]}", product_name)


def _check_digest(
    folder: Path, listed: Listed, product_name: str, tick: Tick, *, from_disk: bool
) -> None:
    digest = listed.digest()
    feed_file(digest, folder / listed.path, tick=tick, from_disk=from_disk)
    if digest.hexdigest() != listed.value:
        raise ChecksumMismatchError(
            f"{listed.path[:120]!a} has {listed.algorithm}:{digest.hexdigest()}, the manifest "
            f"lists {listed.algorithm}:{listed.value}",
            product=product_name,
            did="The folder was left as it is",
            advice="The product is fetched beside it",
        )


def _not_whole(what: str, product_name: str) -> NotAProductError:
    return NotAProductError(
        what,
        product=product_name,
        did="The folder was left as it is",
        advice="The product is fetched beside it",
    )
