"""A product's own manifest: which files it has, how long they are and which digests they have.

Source: XFDU, CCSDS 661.0-B-1, as SAFE (Sentinel-1, -2) and SEN3 products (Sentinel-3) use it.
"""

from __future__ import annotations

import hashlib
import posixpath
from typing import Protocol
from urllib.parse import unquote
from xml.parsers import expat

import msgspec

MANIFESTS = ("manifest.safe", "xfdumanifest.xml")
"""Names of the manifest in SAFE and SEN3 products."""
MOST_BYTES = 64 << 20
"""No manifest is longer."""

_ALGORITHMS = {"MD5": "md5", "SHA3-256": "sha3_256", "SHA-256": "sha256", "SHA256": "sha256"}


class Digest(Protocol):
    """A digest in the making."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Of everything taken in so far, lower case."""


class Listed(msgspec.Struct, frozen=True):
    """A file of a manifest, with its digest if one is listed.

    Attributes:
        href: As written, relative to the manifest.
        algorithm: In capitals, for example ``MD5`` or ``SHA3-256``; empty when there is no digest.
        value: Hexadecimal digest, lower case.
        size: Bytes, where the manifest says so.
    """

    href: str
    algorithm: str = ""
    value: str = ""
    size: int | None = None

    @property
    def path(self) -> str:
        """The file's path relative to the manifest's folder; may lead out of it."""
        return posixpath.normpath(unquote(self.href))

    @property
    def is_checkable(self) -> bool:
        """Whether there is a digest, of an algorithm that can be computed."""
        return self.algorithm in _ALGORITHMS and bool(self.value)

    def digest(self) -> Digest:
        """A digest of nothing yet, by the algorithm listed; only if it `is_checkable`."""
        return hashlib.new(_ALGORITHMS[self.algorithm], usedforsecurity=False)


def read_manifest(content: bytes) -> list[Listed]:
    """The files a manifest lists (``byteStream``), one with several digests several times.

    Raises:
        ValueError: It is no XML, or declares a document type, which no manifest needs.
    """
    found: list[Listed] = []
    href = algorithm = ""
    size: int | None = None
    digests: list[tuple[str, str]] = []
    text: list[str] | None = None

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal href, algorithm, size, digests, text
        match tag.rpartition(":")[2]:
            case "byteStream":
                listed = attributes.get("size", "")
                href, digests = "", []
                size = int(listed) if listed.isdecimal() and len(listed) < 20 else None
            case "fileLocation":
                href = attributes.get("href", "")
            case "checksum":
                algorithm, text = attributes.get("checksumName", ""), []

    def end(tag: str) -> None:
        nonlocal href, text
        match tag.rpartition(":")[2]:
            case "checksum" if text is not None:
                digests.append((algorithm.upper(), "".join(text).strip().lower()))
                text = None
            case "byteStream" if href:
                found.extend(Listed(href, *digest, size) for digest in digests or [("", "")])
                href = ""

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
    except (expat.ExpatError, LookupError) as error:  # the latter for an unknown encoding
        raise ValueError(str(error)) from error
    return found
