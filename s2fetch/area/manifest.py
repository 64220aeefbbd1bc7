"""The footprint of a product on disk, from its manifest or its metadata.

Sources: Sentinel-SAFE Format Control Book and the product specifications of Sentinel-1, -2 and -3.
Latitude comes first in all of them. Sentinel-1 separates it from the longitude by a comma.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import shapely

from s2fetch.area.build import Source
from s2fetch.area.files import unreadable
from s2fetch.errors import AreaError
from s2fetch.zips import ANY_FAULT

LARGEST_BYTES = 256 * 1024 * 1024
_METADATA = re.compile(r"manifest\.safe|xfdumanifest\.xml|mtd_msi[^/]*\.xml", re.IGNORECASE)
_MEMBER = re.compile(rf"(?:[^/]+/)?(?:{_METADATA.pattern})", re.IGNORECASE)
_LISTS = ("coordinates", "posList", "EXT_POS_LIST")


def read(path: Path) -> Iterator[Source]:
    """The footprint of a product: a folder, a zip, or its manifest.

    Raises:
        AreaError: Unreadable, or no footprint in it; names the file.
    """
    seen = False
    for where, content in _metadata(path):
        seen = True
        try:
            rings = list(_rings(content))
        except (ET.ParseError, ValueError, LookupError) as error:
            raise AreaError(f"{where} cannot be understood: {error}") from error
        if rings:
            for ring in rings:
                yield Source(ring, where, lenient=True)
            return
    lacking = "its metadata have none" if seen else "there is no manifest in it"
    advice = "Give the product's name, to take the footprint of the catalogue"
    raise AreaError(f"{path} has no footprint: {lacking}", advice=advice)


def _metadata(path: Path) -> Iterator[tuple[str, bytes]]:
    """Manifests and metadata of the product as a whole, the manifest first."""
    try:
        if path.is_dir():
            names = sorted(item.name for item in path.iterdir() if _METADATA.fullmatch(item.name))
            for name in sorted(names, key=_rank):
                yield str(path / name), (path / name).read_bytes()
        elif zipfile.is_zipfile(path):
            yield from _zipped(path)
        elif _is_xml(path):
            _check_size(path, path.name, path.stat().st_size)
            yield str(path), path.read_bytes()
    except ANY_FAULT as error:
        raise unreadable(path, error) from error


def _is_xml(path: Path) -> bool:
    """Whether it may be a manifest, and not the data of a product that is one file."""
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        members = [item for item in archive.infolist() if _MEMBER.fullmatch(item.filename)]
        for member in sorted(members, key=lambda member: _rank(member.filename)):
            _check_size(path, member.filename, member.file_size)
            yield f"{path}, {member.filename}", archive.read(member)


def _check_size(path: Path, name: str, size: int) -> None:
    if size > LARGEST_BYTES:
        raise AreaError(f"cannot read {path}: {name} is larger than any manifest")


def _rank(name: str) -> tuple[bool, str]:
    return "manifest" not in name.lower(), name


def _rings(content: bytes) -> Iterator[shapely.Geometry]:
    root = ET.fromstring(content)  # noqa: S314 - the user's own file; expat bounds entities
    for element in root.iter():
        if element.tag.rpartition("}")[2] in ("footPrint", "Global_Footprint"):
            for inner in element.iter():
                if inner.tag.rpartition("}")[2] in _LISTS and (inner.text or "").strip():
                    yield _ring(inner.text or "")


def _ring(text: str) -> shapely.Geometry:
    numbers = [float(number) for number in re.split(r"[\s,]+", text.strip())]
    points = list(zip(numbers[1::2], numbers[::2], strict=False))
    if len(numbers) % 2 or len(points) < 3:
        raise ValueError("its footprint is no list of latitudes and longitudes")
    return shapely.Polygon(points)
