"""Query options of a catalogue search and the link to its next page.

Source: Copernicus Data Space documentation, OData, and its release notes for the limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from multidict import MultiMapping

from s2fetch.embedded import answers
from s2fetch.embedded.faults import Answer
from s2fetch.embedded.listing import Ordering
from s2fetch.embedded.odata_filter import Expression, FilterError, PathKind, parse_filter
from s2fetch.embedded.rows import EXPANDABLE, SELECTABLE

DEFAULT_TOP = 20
GREATEST_TOP = 1000
GREATEST_SKIP = 10_000
PRODUCT_ORDERS = ("ContentDate/Start", "ContentDate/End", "PublicationDate", "ModificationDate")
DELETED_ORDERS = ("ContentDate/Start", "ContentDate/End", "DeletionDate")
_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}


class OptionError(Exception):
    """An option cannot be used; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A search.

    Attributes:
        expression: ``$filter``; None for everything.
        ordering: ``$orderby``; None for no order at all.
        top: Most rows of the page.
        skip: Rows before it.
        count: Whether to tell how many rows match.
        expand: Which expandable members rows have.
        select: Which members rows have; None for all.
    """

    expression: Expression | None = None
    ordering: Ordering | None = None
    top: int = DEFAULT_TOP
    skip: int = 0
    count: bool = False
    expand: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None


def read_options(
    query: MultiMapping[str], paths: Mapping[str, PathKind], orders: Sequence[str]
) -> Options:
    """Read the query options of a search. Unknown ones are ignored, as the service does.

    Args:
        query: The decoded query.
        paths: What a filter may compare.
        orders: What rows can be ordered by.

    Raises:
        OptionError: An option is malformed or beyond its limit.
    """
    text = query.get("$filter")
    try:
        expression = parse_filter(text, paths) if text is not None else None
    except FilterError as error:
        raise OptionError(answers.catalogue_error(400, str(error))) from error
    return Options(
        expression=expression,
        ordering=_ordering(query.get("$orderby"), orders),
        top=_number(query, "$top", DEFAULT_TOP, GREATEST_TOP),
        skip=_number(query, "$skip", 0, GREATEST_SKIP),
        count=_count(query.get("$count", "false")),
        expand=_expand(query),
        select=_select(query.get("$select")),
    )


def next_link(origin: str, path: str, query: MultiMapping[str], options: Options) -> str:
    """The absolute link to the page after this one: all options echoed, ``$skip`` last.

    Args:
        origin: Scheme and authority.
        path: Path of the search.
        query: Its query as it came.
        options: What was read from it.
    """
    echoed = [(key, value) for key, value in query.items() if key != "$skip"]
    echoed.append(("$skip", str(options.skip + options.top)))
    return f"{origin}{path}?{urlencode(echoed)}"


def has_next(options: Options, total: int) -> bool:
    """Whether there is a link: rows are left and the next skip is within the limit."""
    after = options.skip + options.top
    return options.top > 0 and after < total and after <= GREATEST_SKIP


def _ordering(text: str | None, orders: Sequence[str]) -> Ordering | None:
    if text is None:
        return None
    path, *direction = text.split()
    if path not in orders or direction not in ([], ["asc"], ["desc"]):
        raise OptionError(answers.catalogue_error(400, f"Invalid $orderby: {text}"))
    return Ordering(path, direction == ["desc"])


def _number(query: MultiMapping[str], option: str, default: int, greatest: int) -> int:
    text = query.get(option)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise OptionError(answers.not_a_number(option, text)) from None
    if number > greatest:
        raise OptionError(answers.out_of_range(option, text, "le", greatest))
    if number < 0:
        raise OptionError(answers.out_of_range(option, text, "ge", 0))
    return number


def _count(text: str) -> bool:
    try:
        return _YES_OR_NO[text.lower()]
    except KeyError:
        raise OptionError(answers.catalogue_error(400, f"Invalid $count: {text}")) from None


def _expand(query: MultiMapping[str]) -> tuple[str, ...]:
    wanted = [name.strip() for text in query.getall("$expand", []) for name in text.split(",")]
    for name in wanted:
        if name not in EXPANDABLE:
            raise OptionError(answers.catalogue_error(400, f"Invalid $expand: {name}"))
    return tuple(name for name in EXPANDABLE if name in wanted)


def _select(text: str | None) -> tuple[str, ...] | None:
    if text is None or text.strip() == "*":
        return None
    wanted = {name.strip() for name in text.split(",")} | {"Id"}
    unknown = wanted.difference(SELECTABLE)
    if unknown:
        raise OptionError(answers.catalogue_error(400, f"Invalid $select: {min(unknown)}"))
    return tuple(name for name in SELECTABLE if name in wanted)
