"""Text to query, the way Lucene's classic parser reads it with AND as the default operator.

Source: Apache Lucene, classic query parser syntax and the documented behaviour of its Boolean
operators, which have no precedence: each operator only changes the clause before it. So ``a OR b
AND c`` is ``+b +c a``, and ``a OR NOT b`` is ``a -b``. Schemas of DHuS set AND as the default.
"""

from __future__ import annotations

import re
from typing import NoReturn

from s2fetch.embedded.dhus.solr.syntax import (
    Clause,
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

DEFAULT_FIELD = "contents"
MOST_CLAUSES = 1024

_SPACE = re.compile(r"[\s\u3000]*")
_WORD = re.compile(
    r'(?:\\.|[^\s+\-!():^\[\]"{}~\\/])(?:\\.|[^\s!():^\[\]"{}~\\/])*', re.DOTALL
)  # also with wildcards in it
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_REGEX = re.compile(r"/((?:\\/|[^/])*)/")
_BOUND = re.compile(r'"((?:\\.|[^"\\])*)"|([^\s\]}"][^\s\]}]*)', re.DOTALL)
_BOOST = re.compile(r"\^\d+(?:\.\d+)?")
_WILD = re.compile(r"(?<!\\)(?:\\\\)*[*?]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str, *, most_clauses: int = MOST_CLAUSES) -> Query:
    """Read a query.

    Args:
        text: The value of ``q``.
        most_clauses: Clauses a group may have.

    Raises:
        SolrError: It is not in the language, or has too many clauses.
    """
    try:
        return _Parser(text, most_clauses).whole()
    except RecursionError:
        raise SolrError(f"{_cannot_parse(text)}: nested too deeply") from None


class _Parser:
    def __init__(self, text: str, most_clauses: int) -> None:
        self._text = text
        self._at = 0
        self._most = most_clauses

    def whole(self) -> Query:
        self._skip()
        if self._at == len(self._text):
            return Group(())
        query = self._group(DEFAULT_FIELD)
        if self._at < len(self._text):
            self._encountered()
        return query

    def _group(self, field: str) -> Query:
        """Clauses up to the end or a closing parenthesis."""
        clauses: list[Clause] = []
        modified = False
        while True:
            conjunction = self._conjunction() if clauses else ""
            occur = self._modifier()
            query = self._clause(field)
            modified = modified or occur is not Occur.SHOULD
            _add(clauses, conjunction, occur, query)
            if len(clauses) > self._most:
                raise SolrError(f"{_cannot_parse(self._text)}: too many boolean clauses")
            self._skip()
            if self._at == len(self._text) or self._text[self._at] == ")":
                break
        if len(clauses) == 1 and not modified:
            return clauses[0].query
        return Group(tuple(clauses))

    def _conjunction(self) -> str:
        if self._operator("AND", "&&"):
            return "AND"
        return "OR" if self._operator("OR", "||") else ""

    def _modifier(self) -> Occur:
        """MUST for ``+``, MUST_NOT for ``-`` and NOT, SHOULD where there is none."""
        self._skip()
        if self._literal("+"):
            return Occur.MUST
        if self._literal("-") or self._literal("!") or self._operator("NOT"):
            return Occur.MUST_NOT
        return Occur.SHOULD

    def _clause(self, field: str) -> Query:
        field = self._field_name() or field
        self._skip()
        if self._literal("("):
            query = self._group(field)
            if not self._literal(")"):
                self._encountered()
        else:
            query = self._value(field)
        boost = _BOOST.match(self._text, self._at)
        if boost is not None:
            self._at = boost.end()
        return query

    def _field_name(self) -> str:
        """The name before a colon, in lower case; empty if there is none."""
        self._skip()
        begin = self._at
        word = _WORD.match(self._text, begin)
        if word is None:
            return ""
        self._at = word.end()
        self._skip()
        if self._literal(":"):
            return _unescaped(word[0]).lower()
        self._at = begin
        return ""

    def _value(self, field: str) -> Query:
        self._skip()
        start = self._text[self._at : self._at + 1]
        if start and start in "[{":
            return self._range(field)
        if quoted := self._take(_QUOTED):
            return Words(field, _unescaped(quoted[1]), quoted=True)
        if regex := self._take(_REGEX):
            return Regex(field, regex[1])
        begin = self._at
        word = self._take(_WORD)
        if word is None or word[0] in ("AND", "OR", "NOT", "&&", "||"):
            self._at = begin
            self._encountered()
        if word[0] == "*" and field in ("*", DEFAULT_FIELD):
            return Everything()
        if _WILD.search(word[0]):
            return Pattern(field, word[0])
        return Words(field, _unescaped(word[0]), quoted=False)

    def _range(self, field: str) -> Range:
        with_low = self._text[self._at] == "["
        self._at += 1
        low = self._bound()
        self._skip()
        if not self._operator("TO"):
            self._encountered()
        high = self._bound()
        self._skip()
        with_high = self._literal("]")
        if not with_high and not self._literal("}"):
            self._encountered()
        return Range(field, low, high, with_low, with_high)

    def _bound(self) -> str | None:
        self._skip()
        bound = self._take(_BOUND)
        if bound is None:
            self._encountered()
        if bound[1] is not None:
            return _unescaped(bound[1])
        return None if bound[2] == "*" else _unescaped(bound[2])

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._at)
        if space is not None:
            self._at = space.end()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _literal(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _operator(self, *names: str) -> bool:
        self._skip()
        word = _WORD.match(self._text, self._at)
        if word is None or word[0] not in names:
            return False
        self._at = word.end()
        return True

    def _encountered(self) -> NoReturn:
        found = self._text[self._at : self._at + 1] or "<EOF>"
        place = f"line 1, column {self._at}"
        reason = f'Encountered " "{found}" "{found} "" at {place}.'
        raise SolrError(f"{_cannot_parse(self._text)}: {reason}")


def _cannot_parse(text: str) -> str:
    return f"org.apache.solr.search.SyntaxError: Cannot parse '{text}'"


def _add(clauses: list[Clause], conjunction: str, modifier: Occur, query: Query) -> None:
    """Add a clause; its operator decides about the one before as well."""
    if clauses and conjunction and clauses[-1].occur is not Occur.MUST_NOT:
        before = Occur.MUST if conjunction == "AND" else Occur.SHOULD
        clauses[-1] = Clause(before, clauses[-1].query)
    if modifier is Occur.MUST_NOT:
        occur = Occur.MUST_NOT
    else:
        occur = Occur.SHOULD if conjunction == "OR" else Occur.MUST
    clauses.append(Clause(occur, query))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
