"""What a query is made of, as Lucene's classic parser sees it."""

from __future__ import annotations

from enum import Enum

import msgspec


class SolrError(ValueError):
    """Solr refuses the query; the message is the one a hub passes on."""


class Occur(Enum):
    """What a clause does in its group."""

    MUST = "+"
    SHOULD = ""
    MUST_NOT = "-"


class Everything(msgspec.Struct, frozen=True):
    """``*`` or ``*:*``."""


class Words(msgspec.Struct, frozen=True):
    """A bare or quoted value.

    Attributes:
        field: Name of the field, in lower case.
        text: The value without quotes and escapes.
        quoted: Whether it stood in quotes.
    """

    field: str
    text: str
    quoted: bool


class Pattern(msgspec.Struct, frozen=True):
    """A bare value with ``*`` or ``?``; escapes are still in it."""

    field: str
    text: str


class Regex(msgspec.Struct, frozen=True):
    """``/…/``."""

    field: str
    text: str


class Range(msgspec.Struct, frozen=True):
    """``[low TO high]``, with a brace on each side that excludes its bound; None is open."""

    field: str
    low: str | None
    high: str | None
    with_low: bool
    with_high: bool


class Clause(msgspec.Struct, frozen=True):
    """A part of a group."""

    occur: Occur
    query: Query


class Group(msgspec.Struct, frozen=True):
    """Clauses, of which all MUST ones hold, no MUST_NOT one, and without a MUST some SHOULD."""

    clauses: tuple[Clause, ...]


Query = Everything | Words | Pattern | Regex | Range | Group
"""A query."""
