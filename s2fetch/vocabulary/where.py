"""Conditions as people write them: ``orbitNumber>=12000``."""

from __future__ import annotations

import math
import re
from datetime import UTC

from s2fetch.errors import QueryError
from s2fetch.product import AttributeValue
from s2fetch.query import Condition, Operator
from s2fetch.vocabulary.attributes import Kind, check_attribute, kind_of, read_moment

_OPERATORS = {
    "=": Operator.EQ,
    "==": Operator.EQ,
    "!=": Operator.NE,
    "<>": Operator.NE,
    "<": Operator.LT,
    "<=": Operator.LE,
    ">": Operator.GT,
    ">=": Operator.GE,
    **{operator.value: operator for operator in Operator},
}
_COMPARISON = r"(?:==|=|!=|<>|<=|>=|<|>|\s(?:eq|ne|lt|le|gt|ge)(?=\s))"
_CONDITION = re.compile(
    rf"\s*(?P<name>[A-Za-z_][\w:]*)\s*(?P<operator>{_COMPARISON})\s*(?P<value>.*?)\s*",
    re.DOTALL | re.IGNORECASE,
)
_SECOND = re.compile(rf"\s(?:and|or|&&|\|\|)\s+[A-Za-z_][\w:]*\s*{_COMPARISON}", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"", re.DOTALL)
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
_EXAMPLE = "Write for example orbitNumber>=12000 or timeliness==Fast-24h"
_WANTED = {
    Kind.INTEGER: "a whole number",
    Kind.DOUBLE: "a number",
    Kind.TIME: "a time such as 2024-06-01 or 2024-06-01T12:00:00Z",
    Kind.BOOLEAN: "true or false",
}


def parse_where(text: str, collection: str) -> Condition:
    """Read one condition on an attribute.

    The value is of the attribute's own type. Where s2fetch does not know the attribute, the value
    tells: ``true`` and ``false``, whole numbers, other numbers, dates and times, else text; what is
    in quotes is text or a time.

    Args:
        text: Name, operator (``= == != <> < <= > >=`` or ``eq ne lt le gt ge``) and value, which
            may be in single or double quotes.
        collection: Whose attribute it is; empty for any.

    Raises:
        QueryError: Not a condition, no such attribute, or a value of another type.
    """
    match = _CONDITION.fullmatch(text)
    if match is None or not match["value"]:
        raise QueryError(f"{text!r} is not a condition", advice=_EXAMPLE)
    raw = match["value"]
    quoted = _QUOTED.fullmatch(raw)
    if quoted is None and (_SECOND.search(raw) or raw[0] in "'\"=<>"):
        advice = "Give each condition its own --where, and quote text that holds operators"
        raise QueryError(f"{text!r} is not one condition", advice=advice)
    name = check_attribute(collection, match["name"])
    content = raw if quoted is None else _unquoted(quoted)
    kind = kind_of(name, content if quoted else _guessed(content))
    return Condition(
        attribute=name,
        operator=_OPERATORS[match["operator"].strip().lower()],
        values=(_value(name, kind, content),),
    )


def _unquoted(quoted: re.Match[str]) -> str:
    if quoted[1] is not None:
        return quoted[1].replace("''", "'")
    return quoted[2].replace('""', '"')


def _guessed(content: str) -> AttributeValue:
    """What an unquoted value looks like."""
    if content.lower() in ("true", "false"):
        return content.lower() == "true"
    if _WHOLE.fullmatch(content):
        return int(content)
    if _NUMBER.fullmatch(content) and math.isfinite(number := float(content)):
        return number
    return content


def _value(name: str, kind: Kind, content: str) -> AttributeValue:
    """The value as the attribute's type has it; times in ISO 8601 and UTC."""
    guessed = _guessed(content)
    match kind:
        case Kind.STRING:
            return content
        case Kind.BOOLEAN if isinstance(guessed, bool):
            return guessed
        case Kind.INTEGER if isinstance(guessed, int) and not isinstance(guessed, bool):
            return guessed
        case Kind.DOUBLE if isinstance(guessed, int | float) and not isinstance(guessed, bool):
            return float(guessed)
        case Kind.TIME if (time := _moment(content)) is not None:
            return time
    raise QueryError(f"{name} is compared with {_WANTED[kind]}, not with {content!r}")


def _moment(content: str) -> str | None:
    try:
        time = read_moment(content)
    except (ValueError, OverflowError):
        return None
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
