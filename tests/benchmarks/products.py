"""Products to download: files of random bytes under names the hub understands."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.figures import IncompleteError

TYPE = "S2MSI1C"
_FIRST = datetime(2024, 7, 1, 10, 10, 31, tzinfo=UTC)
_STEP = timedelta(minutes=5)
_ZIP_MAGIC = b"PK\x03\x04"
_BLOCK_BYTES = 1 << 20


def random_body(size: int, seed: int) -> Iterator[bytes]:
    """Bytes that begin like a zip, in blocks, as that many at once cannot be had of `random`.

    A product's contents are not looked at when its digest fits.
    """
    chance = random.Random(seed)
    yield _ZIP_MAGIC
    for done in range(len(_ZIP_MAGIC), size, _BLOCK_BYTES):
        yield chance.randbytes(min(_BLOCK_BYTES, size - done))


def write_products(folder: Path, count: int, size: int) -> int:
    """Fill a folder for the hub; the hub describes the files itself.

    Returns:
        Their bytes together.
    """
    folder.mkdir()
    for number in range(count):
        start = f"{_FIRST + number * _STEP:%Y%m%dT%H%M%S}"
        name = f"S2A_MSIL1C_{start}_N0511_R{number % 143 + 1:03d}_T32TQM_{start}.SAFE"
        with (folder / f"{name}.zip").open("wb") as file:
            file.writelines(random_body(size, number))
    os.sync()  # or the disk is still busy with these while something is measured
    return count * size


def md5_of(path: Path) -> str:
    """The MD5 of a file."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def md5s_of(folder: Path) -> dict[str, str]:
    """The MD5 of every product in a folder, by file name."""
    return {path.name: md5_of(path) for path in folder.iterdir() if path.suffix == ".zip"}


def check_archive(archive: Path, expected: dict[str, str]) -> None:
    """Hash every product of an archive ourselves.

    Args:
        archive: Its folder.
        expected: MD5 by file name.

    Raises:
        IncompleteError: One is missing, wrong or too many.
    """
    found = md5s_of(archive)
    if found != expected:
        wrong = sorted(name for name in expected if found.get(name) != expected[name])
        many = sorted(found.keys() - expected.keys())
        raise IncompleteError(
            f"{archive}: {len(wrong)} products missing or wrong ({wrong[:3]}), "
            f"{len(many)} unexpected ({many[:3]})"
        )
