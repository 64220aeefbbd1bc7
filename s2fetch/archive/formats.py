"""What a delivered body is, by its first bytes, and the file name that fits it.

Copernicus products are mostly zips (one folder ``<name>/``, entries stored), but Sentinel-5P comes
as netCDF, orbit files as XML (``.EOF``), some auxiliary data as ``.TGZ`` and Sentinel-2 L1B as
``.TAR``; the catalogue does not say which (Copernicus Data Space documentation, OData).
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

HEAD_BYTES = 1024
"""How many first bytes `recognise` and `error_page` want to see."""

_TAR_MAGIC_AT = 257
_QUOTED_CHARACTERS = 200
_CONTAINERS = (".safe", ".sen3")
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML_ERROR = re.compile(rb"<(\w+:)?(error|errorresponse|fault|exceptionreport)\b", re.IGNORECASE)
_JSON = re.compile(rb"[\[{]\s*([\"\[{\]}]|$)")


class Format(Enum):
    """A file format products come in."""

    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    NETCDF = "netcdf"
    XML = "xml"
    OTHER = "other"


# A format's suffix, and the endings of names that need no suffix for it.
_SUFFIXES: dict[Format, tuple[str, tuple[str, ...]]] = {
    Format.ZIP: (".zip", (".zip", ".kmz")),
    Format.TAR: (".tar", (".tar",)),
    Format.GZIP: (".tgz", (".tgz", ".gz")),
    Format.NETCDF: (".nc", (".nc", ".nc4", ".h5", ".hdf", ".he5", ".hdf5")),
    Format.XML: (".EOF", (".eof", ".xml", ".safe", ".gml", ".kml")),
    Format.OTHER: ("", ()),
}

# Names that promise a format; anything else under them is not the product.
_PROMISES: tuple[tuple[tuple[str, ...], frozenset[Format]], ...] = (
    ((".safe", ".sen3"), frozenset({Format.ZIP, Format.TAR, Format.GZIP})),
    ((".zip",), frozenset({Format.ZIP})),
    ((".tar",), frozenset({Format.TAR, Format.ZIP, Format.GZIP})),
    ((".tgz", ".gz"), frozenset({Format.GZIP, Format.ZIP})),
    ((".nc",), frozenset({Format.NETCDF, Format.ZIP})),
    ((".eof",), frozenset({Format.XML, Format.ZIP})),
)


def recognise(name: str, head: bytes) -> Format:
    """The format of a body that begins with ``head``.

    Args:
        name: The product's name; tells old tar files, which have no magic number.
        head: Its first `HEAD_BYTES`, or all of a shorter one.
    """
    if head.startswith(b"PK\x03\x04"):
        return Format.ZIP
    if head.startswith(b"\x1f\x8b"):
        return Format.GZIP
    if head.startswith((b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n")):
        return Format.NETCDF
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return Format.TAR
    text = _text(head)
    if text.startswith((b"<?xml", b"<Earth_Explorer_File")):
        return Format.XML
    if name.lower().endswith(".tar") and b"\0" in head:
        return Format.TAR
    return Format.OTHER


def suffix_for(name: str, found: Format) -> str:
    """What to append to the product's name so that the file's name tells its format.

    ``X.SAFE`` delivered as a zip becomes ``X.SAFE.zip``; a name that tells it already stays.
    """
    suffix, enough = _SUFFIXES[found]
    return "" if name.lower().endswith(enough) or not suffix else suffix


def possible_names(name: str, mark: str = "") -> tuple[str, ...]:
    """File names under which a complete copy of the product may lie already, likeliest first.

    Args:
        name: Of the product.
        mark: What tells it from others of that name; hides how the name ends.
    """
    if mark:
        return tuple([name + mark + suffix for suffix, _ in _SUFFIXES.values()])
    first_dot = name.find(".")
    suffixes, instead = _possible_suffixes(name[first_dot:].lower() if first_dot >= 0 else "")
    names = tuple([name + suffix for suffix in suffixes])
    stem = name.rpartition(".")[0]
    return (*names, stem + ".zip") if instead and stem else names


@lru_cache(maxsize=128)
def _possible_suffixes(ending: str) -> tuple[tuple[str, ...], bool]:
    """What may follow a name with that ending, and whether ``.zip`` may stand instead of its last.

    Args:
        ending: From the name's first dot on, lower case.
    """
    instead = ending.endswith((*_CONTAINERS, ".nc", ".eof"))
    if ending.endswith(_CONTAINERS):
        return (".zip", "", ".tar", ".tgz", ".tar.gz"), instead
    if ending.endswith((".nc", ".eof", ".tgz", ".gz", ".tar", ".zip")):
        return ("", ".zip"), instead
    return tuple(dict.fromkeys(suffix_for(ending, found) for found in Format)), instead


def error_page(name: str, head: bytes, content_type: str) -> str | None:
    """Why a body that came with status 200 is no product, or None when it may be one.

    A body that cannot be what its name promises is refused too: "no zip, so it must be something
    else" would file damaged archives away as valid.

    Args:
        name: The product's name.
        head: The first `HEAD_BYTES` of the body, or all of a shorter one.
        content_type: As the hub sent it; may be empty.
    """
    if not head:
        return "the body is empty"
    found = _by_magic(head)
    if found:
        return _broken_promise(name, found)
    text = _text(head)
    if _HTML.search(text[:512]):
        return f"it is an HTML page: {_quote(text)}"
    kind = content_type.partition(";")[0].strip().lower()
    subtype = kind.rpartition("/")[2].rpartition("+")[2]
    if subtype in ("html", "xhtml"):
        return f"it was sent as {kind}: {_quote(text)}"
    if not name.lower().endswith((".json", ".geojson")) and (
        subtype == "json" or _JSON.match(text)
    ):
        return f"it is a JSON message: {_quote(text)}"
    if text.startswith(b"<") and _XML_ERROR.search(text[:512]):
        return f"it is an XML error message: {_quote(text)}"
    return _broken_promise(name, recognise(name, head))


def _by_magic(head: bytes) -> Format | None:
    """Binary formats only: a text may be a product or a message."""
    found = recognise("", head)
    return None if found in (Format.XML, Format.OTHER) else found


def _broken_promise(name: str, found: Format) -> str | None:
    lower = name.lower()
    for endings, allowed in _PROMISES:
        if lower.endswith(endings) and found not in allowed:
            wanted = " or ".join(sorted(each.value for each in allowed))
            what = "something else" if found is Format.OTHER else found.value
            return (
                f"a name ending in {lower[lower.rindex('.') :]} promises {wanted}, this is {what}"
            )
    return None


def _text(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def _quote(text: bytes) -> str:
    words = " ".join(text.decode("utf-8", "replace").split())
    printable = "".join(c for c in words if c.isprintable())
    return printable[:_QUOTED_CHARACTERS] + ("…" if len(printable) > _QUOTED_CHARACTERS else "")
