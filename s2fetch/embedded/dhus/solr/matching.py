"""Whether a search document answers a query."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from s2fetch.embedded.dhus.solr.dates import read_date
from s2fetch.embedded.dhus.solr.fields import FieldType, field_type, tokens
from s2fetch.embedded.dhus.solr.parser import DEFAULT_FIELD, MOST_CLAUSES, parse
from s2fetch.embedded.dhus.solr.shapes import shape_test
from s2fetch.embedded.dhus.solr.syntax import (
    Everything,
    Group,
    Occur,
    Pattern,
    Query,
    Range,
    Regex,
    SolrError,
    Words,
)

Value = str | int | float | bool | datetime
"""A value of a search document; shapes are WKT, dates aware."""
Document = Mapping[str, Value]
"""Values by field, names in lower case; what a product has not is not there."""
Test = Callable[[Document], bool]
"""Whether a document answers."""

_WHOLE = re.compile(r"[+-]?\d+")
_MIDNIGHT = datetime(1970, 1, 1, tzinfo=UTC)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a query's meaning depends on.

    Attributes:
        now: What NOW is; aware.
        approximate_areas: Whether "Intersects" finds a little more than it should, as a grid does.
        most_clauses: Clauses a group may have.
    """

    now: datetime = _MIDNIGHT
    approximate_areas: bool = False
    most_clauses: int = MOST_CLAUSES


def matches(q: str, document: Document, rules: Rules | None = None) -> bool:
    """Whether a search document answers a query.

    Args:
        q: The query, decoded.
        document: As `documents.search_document` makes it from an entry.
        rules: By default NOW is 1970 and areas are exact.

    Raises:
        SolrError: The query would be refused.
    """
    return compiled(q, rules)(document)


def compiled(q: str, rules: Rules | None = None) -> Test:
    """A query as a test of many documents; an empty one matches nothing.

    Raises:
        SolrError: The query would be refused.
    """
    rules = rules or Rules()
    return _Compiler(rules).test(parse(q, most_clauses=rules.most_clauses), top=True)


class _Compiler:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def test(self, query: Query, *, top: bool = False) -> Test:
        match query:
            case Everything():
                return lambda _: True
            case Group(clauses):
                parts = [(clause.occur, self.test(clause.query)) for clause in clauses]
                return _group(parts, top=top)
            case Words():
                return self._words(query)
            case Pattern(field, text):
                return self._pattern(field, text)
            case Regex(field, text):
                return self._regex(field, text)
            case Range():
                return self._range(query)

    def _words(self, query: Words) -> Test:
        field, text = query.field, query.text
        match field_type(field):
            case FieldType.TEXT:
                return _tokens_test(field, tokens(text), adjacent=query.quoted)
            case FieldType.SHAPE:
                inside = shape_test(text, approximate=self._rules.approximate_areas)
                return lambda document: field in document and inside(str(document[field]))
            case kind:
                wanted = self._read(kind, text)
                return lambda document: document.get(field) == wanted

    def _pattern(self, field: str, text: str) -> Test:
        if text == "*":
            field_type(field)
            return lambda document: field in document
        kind = field_type(field)
        if kind is FieldType.SHAPE:
            raise SolrError(f"Couldn't parse shape '{text}' because: no spatial operation")
        if kind not in (FieldType.STRING, FieldType.TEXT):
            self._read(kind, text)
            return lambda _: False
        folded = text.lower() if kind is FieldType.TEXT else text
        return _text_test(field, kind, re.compile(_wildcards(folded), re.DOTALL).fullmatch)

    def _regex(self, field: str, text: str) -> Test:
        kind = field_type(field)
        try:
            pattern = re.compile(text, re.DOTALL)
        except re.error as error:
            raise SolrError(f"Cannot parse '/{text}/': {error}") from None
        if kind not in (FieldType.STRING, FieldType.TEXT):
            return lambda _: False
        return _text_test(field, kind, pattern.fullmatch)

    def _range(self, query: Range) -> Test:
        field, kind = query.field, field_type(query.field)
        if kind is FieldType.SHAPE:
            raise SolrError(f"Range queries are not supported on {field}")
        low = None if query.low is None else self._read(kind, query.low)
        high = None if query.high is None else self._read(kind, query.high)

        above = operator.ge if query.with_low else operator.gt
        below = operator.le if query.with_high else operator.lt

        def inside(value: Value) -> bool:
            return (low is None or above(value, low)) and (high is None or below(value, high))

        if kind is FieldType.TEXT:
            return lambda document: any(map(inside, _values(field, document)))
        return lambda document: field in document and inside(document[field])

    def _read(self, kind: FieldType, text: str) -> Value:
        """The value of a query as its field's type has it.

        Raises:
            SolrError: It is not of that type.
        """
        match kind:
            case FieldType.INT:
                if not _WHOLE.fullmatch(text):
                    raise SolrError(f"Invalid Number: {text}")
                return int(text)
            case FieldType.DOUBLE:
                try:
                    return float(text)
                except ValueError:
                    raise SolrError(f"Invalid Number: {text}") from None
            case FieldType.DATE:
                return read_date(text, self._rules.now)
            case FieldType.FLAG:
                return text[:1] in ("1", "t", "T")
            case FieldType.TEXT:
                return text.lower()
            case _:
                return text


def _group(parts: Sequence[tuple[Occur, Test]], *, top: bool) -> Test:
    """All that must, none that must not, and some that should where nothing must.

    A group of prohibitions alone finds nothing, except as the whole query.
    """
    must = [test for occur, test in parts if occur is Occur.MUST]
    should = [test for occur, test in parts if occur is Occur.SHOULD]
    never = [test for occur, test in parts if occur is Occur.MUST_NOT]
    if not must and not should:
        alone = top and bool(never)
        return lambda document: alone and not any(test(document) for test in never)
    if not must:
        must = [lambda document: any(test(document) for test in should)]
    return lambda document: (
        all(test(document) for test in must) and not any(test(document) for test in never)
    )


def _tokens_test(field: str, wanted: Sequence[str], *, adjacent: bool) -> Test:
    if not wanted:
        return lambda _: False
    if not adjacent:
        needed = frozenset(wanted)
        return lambda document: needed.issubset(_values(field, document))
    length, run = len(wanted), list(wanted)

    def found(document: Document) -> bool:
        have = _values(field, document)
        return any(have[at : at + length] == run for at in range(len(have) - length + 1))

    return found


def _text_test(field: str, kind: FieldType, fits: Callable[[str], object]) -> Test:
    if kind is FieldType.STRING:
        return lambda document: field in document and fits(str(document[field])) is not None
    return lambda document: any(fits(token) is not None for token in _values(field, document))


def _values(field: str, document: Document) -> list[str]:
    """The tokens of a text field; all texts together are the default field."""
    if field == DEFAULT_FIELD:
        return [token for value in document.values() for token in _of(value)]
    return _of(document.get(field, ""))


def _of(value: Value) -> list[str]:
    return tokens(value) if isinstance(value, str) else []


def _wildcards(text: str) -> str:
    """A pattern with ``*``, ``?`` and escapes as a regular expression."""
    parts: list[str] = []
    escaped = False
    for character in text:
        if escaped:
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append({"*": ".*", "?": "."}.get(character, re.escape(character)))
    return "".join(parts)
