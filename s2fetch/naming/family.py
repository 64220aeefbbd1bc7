"""How a family of names is described: a pattern of fixed places, and what its fields mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import msgspec

from s2fetch.naming.name import Acquisition, ProductName


class Family(msgspec.Struct, frozen=True):
    """One way names are made.

    Attributes:
        pattern: Every group is a field of a fixed width; then the extension, if any.
        key: The acquisition.
        read: Everything; a ValueError says that it is none of these names after all.
    """

    pattern: str
    key: Callable[[re.Match[str]], Acquisition]
    read: Callable[[re.Match[str]], ProductName]

    def match(self, name: str) -> re.Match[str] | None:
        """The fields of a name; None when it is made in another way."""
        return _compiled(self.pattern).fullmatch(name)


_compiled = cache(re.compile)
"""Patterns are compiled when a name is first compared with them: most runs see one mission only."""


def pattern(fields: str, *extensions: str) -> str:
    """A family's pattern: ``D(name)`` is a time of 15 characters."""
    fields = re.sub(r"D\((\w+)\)", r"(?P<\1>\\d{8}T\\d{6})", fields)
    known = "|".join(re.escape(extension) for extension in extensions)
    return rf"(?P<stem>{fields})(?P<extension>(?i:{known}))?(?i:\.zip)?"


def time(text: str) -> datetime:
    """A time as names have it, ``20240601T101031``, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def platform(text: str) -> str:
    """A platform without what fills its field up."""
    return text.rstrip("_")


def extension(match: re.Match[str], *known: str) -> str:
    """The family's own spelling of the extension; the first one where none was given."""
    given = match["extension"]
    return next((each for each in known if given and each.lower() == given.lower()), known[0])
