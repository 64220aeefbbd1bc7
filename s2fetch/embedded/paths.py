"""The resource part of an OData URL, e.g. ``Products(<uuid>)/Nodes(x)/Nodes``."""

from __future__ import annotations

import re

import msgspec

ROOT = "/odata/v1/"


class Segment(msgspec.Struct, frozen=True):
    """One step of a path.

    Attributes:
        name: E.g. ``Products`` or ``$value``.
        key: What is in parentheses, None without any.
    """

    name: str
    key: str | None = None


_SEGMENT = re.compile(r"(?P<name>[$\w.]+)(?:\((?P<key>[^()/]*(?:\([^()/]*\)[^()/]*)*)\))?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def segments(path: str) -> tuple[Segment, ...] | None:
    """The steps of a decoded path below `ROOT`; None if it is not well-formed."""
    steps: list[Segment] = []
    for text in path.removeprefix(ROOT).split("/"):
        match = _SEGMENT.fullmatch(text)
        if match is None:
            return None
        steps.append(Segment(match["name"], match["key"]))
    return tuple(steps)


def is_uuid(text: str | None) -> bool:
    """Whether a key is a bare UUID, as the service wants it."""
    return text is not None and _UUID.fullmatch(text) is not None
