"""Where a product's file lies in the archive. Nothing a hub says leads outside the root."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

from s2fetch.errors import UnsafeNameError, UsageError
from s2fetch.product import Product

DEFAULT_TEMPLATE = "{name}"
UNKNOWN = "unknown"
"""Stands for a field the product does not have."""

COMPONENT_BYTES = 255
"""The longest name of a file or folder on every common file system, in UTF-8 bytes."""
SUFFIX_BYTES = 15
"""Of these, kept free for what s2fetch appends to a product's name (``.zip``)."""
_FIELD_CHARACTERS = 64

_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])", re.IGNORECASE)
# What real products are called, told at once; everything else is looked at character by character.
_PLAIN = re.compile(r"S[0-9][A-Z]_[A-Za-z0-9_]+(\.[A-Za-z0-9~-]+)*")
_OUTSIDE_FIELDS = re.compile(r"[^A-Za-z0-9._-]")

# Sentinel-2 Products Specification Document, "Product naming convention", compact form in use since
# December 2016: MMM_MSIXXX_YYYYMMDDTHHMMSS_Nxxyy_ROOO_Txxxxx_<discriminator>.SAFE
_SENTINEL_2 = re.compile(
    r"(?P<platform>S2[A-Z])_MSI(?P<level>L[0-9][A-Z])_(?P<start>\d{8})T\d{6}"
    r"_N(?P<baseline>\d{4})_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[A-Z]{3})_"
)
# The long form before that: MMM_OPER_PRD_MSIXXX_PDMC_<created>_ROOO_V<start>_<end>.SAFE
_SENTINEL_2_LONG = re.compile(
    r"(?P<platform>S2[A-Z])_[A-Z]{4}_PRD_MSI(?P<level>L[0-9][A-Z])_[A-Z_]{4}_\d{8}T\d{6}"
    r"_R(?P<orbit>\d{3})_V(?P<start>\d{8})T"
)
_PLATFORM = re.compile(r"(S[0-9][A-Z])_")
_TIMESTAMP = re.compile(r"(?<!\d)((?:19|20)\d{6})T\d{6}")


def safe_name(name: str) -> str:
    """Return the name unchanged when it can be a file name everywhere, inside any folder.

    Refused: separators, control and invisible characters, the characters and names Windows
    reserves, a leading dot (hidden, and s2fetch's own), a leading dash (an option to other
    programs), spaces or dots at an end, and names that leave no room for a suffix.

    Raises:
        UnsafeNameError: With the reason.
    """
    reason = _why_unsafe(name, COMPONENT_BYTES - SUFFIX_BYTES)
    if reason:
        raise UnsafeNameError(
            f"the name {name[:80]!a} cannot be a file name: {reason}",
            did="The product was skipped and nothing was written",
            advice="Tell the operator of the hub",
        )
    return name


class Layout:
    """Places products in folders by a template such as ``{year}/{month}/{tile}/{name}``.

    Args:
        template: Relative path with fields in braces; its last part contains ``{name}``. The
            suffix of the file (``.zip``) is appended by s2fetch.

    Raises:
        UsageError: Unknown field, not relative, ``..``, or no ``{name}`` in the last part.
    """

    def __init__(self, template: str = DEFAULT_TEMPLATE) -> None:
        self.template = template
        self._parts = tuple(_parse(part, template) for part in template.split("/"))
        if not any(field == "name" for _, field in self._parts[-1]):
            raise _template_error(template, "its last part does not contain {name}")

    def folder_for(self, product: Product) -> PurePosixPath:
        """The folder of the product's file, relative to the archive's root.

        Raises:
            UnsafeNameError: The product's name cannot be part of a path.
        """
        return PurePosixPath(*(_render(part, product) for part in self._parts[:-1]))

    def check(self, product: Product, suffix: str) -> None:
        """See whether `path_for` has a path, without making it.

        Raises:
            UnsafeNameError: The product's name cannot be part of a path.
        """
        for part in self._parts[:-1]:
            _render(part, product)
        _render(self._parts[-1], product, suffix)

    def path_for(self, product: Product, suffix: str = "") -> PurePosixPath:
        """The product's file, relative to the archive's root, ``suffix`` appended.

        Raises:
            UnsafeNameError: The product's name cannot be part of a path.
        """
        return self.folder_for(product) / _render(self._parts[-1], product, suffix)

    def __repr__(self) -> str:
        return f"Layout({self.template!r})"


_Part = tuple[tuple[str, str | None], ...]


def _parse(part: str, template: str) -> _Part:
    try:
        parsed = tuple(string.Formatter().parse(part))
    except ValueError as error:
        raise _template_error(template, f"{error} in {part!r}") from error
    pieces: list[tuple[str, str | None]] = []
    for literal, field, spec, conversion in parsed:
        if field is not None and (spec or conversion):
            raise _template_error(template, f"field {{{field}}} takes no format")
        if field is not None and field not in FIELDS:
            raise _template_error(template, f"there is no field {{{field}}}")
        pieces.append((literal, field))
    sample = "".join(literal + ("x" if field is not None else "") for literal, field in pieces)
    reason = _why_unsafe(sample, COMPONENT_BYTES - SUFFIX_BYTES)
    if reason:
        raise _template_error(template, f"the part {part!r} cannot be a file name: {reason}")
    return tuple(pieces)


def _template_error(template: str, what: str) -> UsageError:
    return UsageError(
        f"the layout {template!r} cannot be used: {what}",
        advice="A layout is a relative path that ends in a part with {name}, for example "
        "{year}/{month}/{tile}/{name}. Known fields: " + ", ".join(FIELDS),
    )


def _render(part: _Part, product: Product, suffix: str = "") -> str:
    text = "".join(
        literal + (FIELDS[field](product) if field is not None else "") for literal, field in part
    )
    text += suffix
    reason = _why_unsafe(text, COMPONENT_BYTES)
    if reason:
        raise UnsafeNameError(
            f"the path part {text[:80]!a} cannot be a file name: {reason}",
            did="The product was skipped and nothing was written",
            advice="Choose a shorter layout, or tell the operator of the hub",
        )
    return text


def _why_unsafe(name: str, limit_bytes: int) -> str:
    """The reason a file or folder must not have this name; empty when it may."""
    if _PLAIN.fullmatch(name) and len(name) <= limit_bytes:
        return ""
    if name.strip(". ") == "":
        return "it is empty or only dots"
    for character in name:
        if character in _FORBIDDEN:
            return f"it contains {character!r}"
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            return f"it contains the invisible character U+{ord(character):04X}"
    if name[0] in ".- " or name[-1] in ". ":
        return "it begins or ends with a character that misleads other programs"
    if _RESERVED.fullmatch(name.partition(".")[0].rstrip()):
        return "Windows reserves it"
    if len(name.encode()) > limit_bytes:
        return f"it is longer than {limit_bytes} bytes"
    return ""


def _as_field(value: object) -> str:
    """Any value as a harmless piece of a path; different values may become the same."""
    text = _OUTSIDE_FIELDS.sub("_", str(value))[:_FIELD_CHARACTERS].strip(".-_")
    if _RESERVED.fullmatch(text.partition(".")[0]):
        return "_" + text
    return text or UNKNOWN


def _attribute(product: Product, name: str) -> str:
    return _as_field(product.attributes.get(name, UNKNOWN))


def _sentinel_2(product: Product, group: str) -> str | None:
    """What the name of a Sentinel-2 product says; the name never changes, attributes may lack."""
    match = _SENTINEL_2.match(product.name) or _SENTINEL_2_LONG.match(product.name)
    return match.groupdict().get(group) if match else None


def _product_type(product: Product) -> str:
    level = _sentinel_2(product, "level")
    return f"S2MSI{level[1:]}" if level else _attribute(product, "productType")


def _platform(product: Product) -> str:
    match = _PLATFORM.match(product.name)
    return match.group(1) if match else _attribute(product, "platformShortName")


def _tile(product: Product) -> str:
    return _sentinel_2(product, "tile") or _attribute(product, "tileId")


def _baseline(product: Product) -> str:
    digits = _sentinel_2(product, "baseline")
    return f"{digits[:2]}.{digits[2:]}" if digits else _attribute(product, "processingBaseline")


def _relative_orbit(product: Product) -> str:
    orbit = _sentinel_2(product, "orbit")
    if orbit:
        return orbit
    value = _attribute(product, "relativeOrbitNumber")
    return value.zfill(3) if value.isdecimal() else value


def _date(product: Product) -> str:
    """Day of the acquisition as YYYYMMDD, empty when unknown."""
    start = _sentinel_2(product, "start")
    if start:
        return start
    if product.sensing_start is not None:
        return product.sensing_start.strftime("%Y%m%d").zfill(8)
    match = _TIMESTAMP.search(product.name)
    return match.group(1) if match else ""


FIELDS: dict[str, Callable[[Product], str]] = {
    "name": lambda product: safe_name(product.name),
    "collection": lambda product: _as_field(product.collection),
    "product_type": _product_type,
    "platform": _platform,
    "tile": _tile,
    "baseline": _baseline,
    "relative_orbit": _relative_orbit,
    "year": lambda product: _date(product)[:4] or UNKNOWN,
    "month": lambda product: _date(product)[4:6] or UNKNOWN,
    "day": lambda product: _date(product)[6:8] or UNKNOWN,
    "id": lambda product: _as_field(product.id),
}
"""The fields of a template, each with how a product gives it.

``tile`` is written without its T (``32TQM``), ``baseline`` as in the catalogue (``05.10``),
``relative_orbit`` with three digits, ``product_type`` as in the catalogue (``S2MSI2A``); the pilot
type ``S2MSI2Ap`` cannot be told by name and counts as ``S2MSI2A``.
"""
