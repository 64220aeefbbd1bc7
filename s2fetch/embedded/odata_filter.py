"""The ``$filter`` language of the Copernicus Data Space catalogue: text to expression.

Source: Copernicus Data Space documentation, OData; precedence and quoting from OData 4.01 part 2,
5.1.1. Names and value types are checked here, so that an expression can always be evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from s2fetch.embedded.entry import hub_time, read_time
from s2fetch.embedded.paths import is_uuid

Operator = Literal["eq", "ne", "lt", "le", "gt", "ge"]
OPERATORS: tuple[Operator, ...] = ("eq", "ne", "lt", "le", "gt", "ge")

COLLECTIONS = frozenset(
    {
        "SENTINEL-1", "SENTINEL-2", "SENTINEL-3", "SENTINEL-5P", "SENTINEL-6", "SENTINEL-1-RTC",
        "GLOBAL-MOSAICS", "SMOS", "ENVISAT", "LANDSAT-5", "LANDSAT-7", "LANDSAT-8", "LANDSAT-9",
        "COP-DEM", "TERRAAQUA", "S2GLC", "CCM", "CLMS",
    }
)  # fmt: skip

TextFunction = Literal["contains", "startswith", "endswith"]
TEXT_FUNCTIONS: tuple[TextFunction, ...] = ("contains", "startswith", "endswith")
PathKind = Literal["text", "time", "flag"]

PRODUCT_PATHS: Mapping[str, PathKind] = {
    "Name": "text",
    "Id": "text",
    "Collection/Name": "text",
    "ContentDate/Start": "time",
    "ContentDate/End": "time",
    "PublicationDate": "time",
    "ModificationDate": "time",
    "OriginDate": "time",
    "Online": "flag",
}
DELETED_PATHS: Mapping[str, PathKind] = {
    "Name": "text",
    "Id": "text",
    "Collection/Name": "text",
    "ContentDate/Start": "time",
    "ContentDate/End": "time",
    "OriginDate": "time",
    "DeletionDate": "time",
    "DeletionCause": "text",
}


class FilterError(ValueError):
    """The filter is not in the language, or names something that does not exist."""


class Moment(msgspec.Struct, frozen=True):
    """A time literal, in the catalogue's own form."""

    text: str


Value = str | int | float | bool | Moment


class Comparison(msgspec.Struct, frozen=True):
    """``Name eq 'x'``, ``ContentDate/Start ge 2024-06-01``."""

    path: str
    operator: Operator
    value: Value


class TextMatch(msgspec.Struct, frozen=True):
    """``contains(Name,'x')`` and its relatives."""

    function: TextFunction
    text: str


class Intersects(msgspec.Struct, frozen=True):
    """``OData.CSC.Intersects(area=geography'SRID=4326;…')``; the WKT without its SRID."""

    wkt: str


class AttributeMatch(msgspec.Struct, frozen=True):
    """``Attributes/OData.CSC.StringAttribute/any(…)``."""

    name: str
    operator: Operator
    value: Value


class And(msgspec.Struct, frozen=True):
    """All parts hold."""

    parts: tuple[Expression, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one part holds."""

    parts: tuple[Expression, ...]


class Not(msgspec.Struct, frozen=True):
    """The part does not hold."""

    part: Expression


Expression = Comparison | TextMatch | Intersects | AttributeMatch | And | Or | Not


class Token(msgspec.Struct, frozen=True):
    """One lexical element and where it stands."""

    kind: str
    text: str
    at: int


_TOKEN = re.compile(
    r"""(?P<string>'(?:[^']|'')*')
      | (?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
      | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?)
      | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<word>[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*)
      | (?P<mark>[(),:=])
      | (?P<space>\s+)""",
    re.VERBOSE,
)
_OUTER = re.compile(
    r"Attributes/OData\.CSC\.(?:String|Integer|Double|DateTimeOffset|Boolean)Attribute/any"
)
_INNER = re.compile(
    r"(\w+)/(?:OData\.CSC\.(?:String|Integer|Double|DateTimeOffset|Boolean)Attribute/)?Value"
)
_SRID = re.compile(r"\s*SRID=4326;\s*(?P<wkt>\S.*)", re.IGNORECASE | re.DOTALL)
_END = Token("end", "", -1)
_MOST_NESTED = 100


def tokens(text: str) -> list[Token]:
    """Split a filter into its lexical elements.

    Raises:
        FilterError: A character fits nowhere.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise FilterError(f"Syntax error at position {at}: {text[at : at + 20]!r}")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match.group(), at))
        at = match.end()
    return found


def parse_filter(text: str, paths: Mapping[str, PathKind] = PRODUCT_PATHS) -> Expression:
    """Read a filter.

    Args:
        text: The decoded value of ``$filter``.
        paths: Properties that may be compared, and their kinds.

    Raises:
        FilterError: Syntax error, unknown property or collection, or a value of the wrong kind.
    """
    parser = _Parser(tokens(text), paths)
    expression = parser.alternatives()
    parser.expect_end()
    return expression


class _Parser:
    """Recursive descent; ``and`` binds tighter than ``or``, ``not`` tighter than both."""

    def __init__(self, found: list[Token], paths: Mapping[str, PathKind]) -> None:
        self._tokens = found
        self._next = 0
        self._paths = paths
        self._depth = 0

    def alternatives(self) -> Expression:
        parts = [self._conjunction()]
        while self._take_word("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def expect_end(self) -> None:
        if self._peek() is not _END:
            raise self._unexpected(self._peek())

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        while self._take_word("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Expression:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise FilterError("The filter is nested too deeply")
        try:
            return Not(self._negation()) if self._take_word("not") else self._atom()
        finally:
            self._depth -= 1

    def _atom(self) -> Expression:
        token = self._pop()
        if token.text == "(" and token.kind == "mark":
            inner = self.alternatives()
            self._mark(")")
            return inner
        if token.kind != "word":
            raise self._unexpected(token)
        for function in TEXT_FUNCTIONS:
            if token.text == function:
                return self._text_match(function)
        if token.text == "OData.CSC.Intersects":
            return self._intersects()
        if token.text.startswith("Attributes/"):
            return self._attribute_match(token)
        return self._comparison(token)

    def _text_match(self, function: TextFunction) -> TextMatch:
        self._mark("(")
        path = self._pop()
        if path.text != "Name":
            raise FilterError(f"{function} works on Name only, not on {path.text!r}")
        self._mark(",")
        text = self._string()
        self._mark(")")
        return TextMatch(function, text)

    def _intersects(self) -> Intersects:
        self._mark("(")
        name = self._pop()
        if name.text not in ("area", "Footprint"):
            raise self._unexpected(name)
        self._mark("=")
        geography = self._pop()
        if geography.text != "geography":
            raise self._unexpected(geography)
        match = _SRID.fullmatch(self._string())
        if match is None:
            raise FilterError("A geography literal starts with SRID=4326;")
        self._mark(")")
        return Intersects(match["wkt"])

    def _attribute_match(self, outer: Token) -> AttributeMatch:
        if not _OUTER.fullmatch(outer.text):
            raise self._unexpected(outer)
        self._mark("(")
        variable = self._pop().text
        self._mark(":")
        if self._pop().text != f"{variable}/Name" or self._pop().text != "eq":
            raise FilterError(f"Expected '{variable}/Name eq' in the lambda of {outer.text}")
        name = self._string()
        if not self._take_word("and"):
            raise self._unexpected(self._peek())
        path = self._pop()
        inner = _INNER.fullmatch(path.text)
        if inner is None or inner[1] != variable:
            raise self._unexpected(path)
        operator, value = self._operator(), self._value()
        self._mark(")")
        return AttributeMatch(name, operator, value)

    def _comparison(self, path: Token) -> Comparison:
        kind = self._paths.get(path.text)
        if kind is None:
            raise FilterError(f"Invalid field: {path.text}")
        operator, value = self._operator(), self._value()
        checked = checked_value(path.text, kind, value)
        return Comparison(path.text, operator, checked)

    def _operator(self) -> Operator:
        token = self._pop()
        for operator in OPERATORS:
            if token.text == operator:
                return operator
        raise self._unexpected(token)

    def _value(self) -> Value:
        token = self._pop()
        match token.kind:
            case "string":
                return token.text[1:-1].replace("''", "'")
            case "uuid":
                return token.text
            case "time":
                return _moment(token.text)
            case "number":
                return _number(token.text)
            case "word" if token.text in ("true", "false"):
                return token.text == "true"
            case _:
                raise self._unexpected(token)

    def _string(self) -> str:
        token = self._pop()
        if token.kind != "string":
            raise self._unexpected(token)
        return token.text[1:-1].replace("''", "'")

    def _mark(self, text: str) -> None:
        token = self._pop()
        if token.kind != "mark" or token.text != text:
            raise self._unexpected(token)

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        if token.kind == "word" and token.text == word:
            self._next += 1
            return True
        return False

    def _peek(self) -> Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def _pop(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    @staticmethod
    def _unexpected(token: Token) -> FilterError:
        if token is _END:
            return FilterError("Syntax error: the filter ends too early")
        return FilterError(f"Syntax error at position {token.at}: {token.text!r}")


def _moment(text: str) -> Moment:
    try:
        return Moment(hub_time(read_time(text)))
    except (ValueError, OverflowError) as error:
        raise FilterError(f"Invalid value: {text}") from error


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def checked_value(path: str, kind: PathKind, value: Value) -> Value:
    """The value in the kind its property has. A quoted time is read as a time.

    Raises:
        FilterError: The property cannot be compared with this value.
    """
    if kind == "time" and isinstance(value, str):
        return _moment(value)
    fits = {
        "text": isinstance(value, str),
        "time": isinstance(value, Moment),
        "flag": isinstance(value, bool),
    }
    if not fits[kind]:
        raise FilterError(f"Invalid value for {path}: {value}")
    if path == "Id" and not is_uuid(str(value)):
        raise FilterError(f"Invalid value for Id: {value}")
    if path == "Collection/Name" and value not in COLLECTIONS:
        raise FilterError(f"Invalid value: {value}")
    return value
