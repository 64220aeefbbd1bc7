"""``$filter`` of OData 2.0 over products: ``startswith(Name,'S2') and Online eq true``.

Source: OData 2.0 URI conventions, 4.5; what can be filtered by, from the open DHuS core.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from s2fetch.embedded.dhus.documents import gml, identifier
from s2fetch.embedded.dhus.refusals import Refusal
from s2fetch.embedded.entry import Entry, read_time

Reader = Callable[[Entry], Any]
"""A value of an entry."""

PRODUCT_VALUES: Mapping[str, Reader] = {
    "Id": lambda entry: entry.id,
    "Name": lambda entry: identifier(entry.name),
    "ContentLength": lambda entry: entry.content_length,
    "CreationDate": lambda entry: read_time(entry.publication_date),
    "IngestionDate": lambda entry: read_time(entry.publication_date),
    "ModificationDate": lambda entry: read_time(entry.modification_date),
    "ContentGeometry": lambda entry: gml(entry.footprint) if entry.footprint else None,
    "ContentDate/Start": lambda entry: read_time(entry.sensing_start),
    "ContentDate/End": lambda entry: read_time(entry.sensing_end),
    "Online": lambda entry: entry.online,
    "OnDemand": lambda _: False,
}
"""What products can be filtered and ordered by."""
DELETED_VALUES: Mapping[str, Reader] = {
    "Id": PRODUCT_VALUES["Id"],
    "Name": PRODUCT_VALUES["Name"],
    "Size": PRODUCT_VALUES["ContentLength"],
    "CreationDate": PRODUCT_VALUES["CreationDate"],
    "IngestionDate": PRODUCT_VALUES["IngestionDate"],
    "DeletionDate": lambda entry: read_time(entry.deletion_date),
    "DeletionCause": lambda entry: entry.deletion_cause,
    "ContentDate/Start": PRODUCT_VALUES["ContentDate/Start"],
    "ContentDate/End": PRODUCT_VALUES["ContentDate/End"],
}
"""The same for deleted products."""

_TOKEN = re.compile(
    r"\s*(?:(?P<time>datetime(?:offset)?'[^']*')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?[LlDdMmFf]?)|(?P<name>[A-Za-z_][\w/]*)|(?P<mark>[(),]))"
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "startswith": lambda text, start: text.startswith(start),
    "endswith": lambda text, end: text.endswith(end),
    "substringof": lambda part, text: part in text,
    "tolower": str.lower,
    "toupper": str.upper,
    "length": len,
}
_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


def read_filter(text: str, values: Mapping[str, Reader]) -> Callable[[Entry], bool]:
    """A filter as a test of entries.

    Raises:
        Refusal: It is not in the language or names what cannot be filtered by.
    """
    return _Parser(text, values).whole()


class _Parser:
    """Recursive descent; ``or`` binds least, then ``and``, ``not``, comparisons."""

    def __init__(self, text: str, values: Mapping[str, Reader]) -> None:
        self._text = text.strip()
        self._values = values
        self._at = 0

    def whole(self) -> Callable[[Entry], bool]:
        test = self._either()
        if self._at < len(self._text):
            self._refuse()
        return lambda entry: bool(test(entry))

    def _either(self) -> Reader:
        left = self._both()
        while self._word("or"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Reader:
        left = self._comparison()
        while self._word("and"):
            left = _and(left, self._comparison())
        return left

    def _comparison(self) -> Reader:
        if self._word("not"):
            inner = self._comparison()
            return lambda entry: not inner(entry)
        left = self._operand()
        for name, compare in _COMPARISONS.items():
            if self._word(name):
                return _compared(left, compare, self._operand())
        return left

    def _operand(self) -> Reader:
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            self._refuse()
        self._at = token.end()
        kind, text = token.lastgroup, token[token.lastgroup or 0]
        match kind:
            case "mark" if text == "(":
                inner = self._either()
                self._mark(")")
                return inner
            case "name" if text in _FUNCTIONS:
                return self._function(text)
            case "name" if text in self._values:
                return self._values[text]
            case _:
                value = self._literal(kind, text)
                return lambda _: value

    def _literal(self, kind: str | None, text: str) -> object:
        try:
            match kind:
                case "time":
                    return read_time(text.partition("'")[2][:-1])
                case "text":
                    return text[1:-1].replace("''", "'")
                case "number":
                    return float(text.rstrip("LlDdMmFf"))
                case "name" if text in _CONSTANTS:
                    return _CONSTANTS[text]
        except ValueError:
            return self._refuse()
        return self._refuse()

    def _function(self, name: str) -> Reader:
        self._mark("(")
        arguments = [self._either()]
        while self._mark(",", optional=True):
            arguments.append(self._either())
        self._mark(")")
        function = _FUNCTIONS[name]
        return lambda entry: function(*(argument(entry) for argument in arguments))

    def _word(self, name: str) -> bool:
        token = _TOKEN.match(self._text, self._at)
        if token is None or token["name"] != name:
            return False
        self._at = token.end()
        return True

    def _mark(self, mark: str, *, optional: bool = False) -> bool:
        token = _TOKEN.match(self._text, self._at)
        if token is None or token["mark"] != mark:
            if optional:
                return False
            self._refuse()
        self._at = token.end()
        return True

    def _refuse(self) -> NoReturn:
        text = f"Invalid filter expression: '{self._text}' at position {self._at + 1}."
        raise Refusal(400, text, "ExpressionParserException")


def _or(left: Reader, right: Reader) -> Reader:
    return lambda entry: left(entry) or right(entry)


def _and(left: Reader, right: Reader) -> Reader:
    return lambda entry: left(entry) and right(entry)


def _compared(left: Reader, compare: Callable[[Any, Any], bool], right: Reader) -> Reader:
    def compared(entry: Entry) -> bool:
        try:
            return compare(left(entry), right(entry))
        except TypeError:
            raise Refusal(400, "Incompatible types in filter", "ExpressionException") from None

    return compared
