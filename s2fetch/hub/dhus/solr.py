"""Conditions in the query language of the hub's index (Apache Solr, standard query parser).

Times have milliseconds there, so that a half-open period is written as a closed one that ends one
millisecond earlier: brackets of two kinds around one range are not known to every generation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from s2fetch.hub.odata import Bounds

MILLISECOND = timedelta(milliseconds=1)

_SPECIAL = re.compile(r'([+\-!(){}\[\]^"~*?:\\/&|\s])')


def phrase(text: str) -> str:
    """A value in quotes: nothing in it is an operator or a wildcard."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """A value without quotes, to put wildcards around."""
    return _SPECIAL.sub(r"\\\1", text)


def equal(field: str, value: str) -> str:
    """A field that has a value; of a field of words, that has these words one after the other."""
    return f"{field}:{phrase(value)}"


def exists(field: str) -> str:
    """A field that has any value."""
    return f"{field}:[* TO *]"


def any_of(conditions: Iterable[str]) -> str:
    """Conditions of which one has to hold; each names its field, as that is read much faster."""
    different = list(dict.fromkeys(conditions))
    return different[0] if len(different) == 1 else f"({' OR '.join(different)})"


def all_of(conditions: Iterable[str]) -> str:
    """Conditions that have to hold together."""
    return " AND ".join(dict.fromkeys(conditions))


def between(field: str, least: object, most: object) -> str:
    """A range that includes its ends."""
    return f"{field}:[{least} TO {most}]"


def beyond(field: str, least: object, most: object) -> str:
    """A range that excludes its ends."""
    return f"{field}:{{{least} TO {most}}}"


def moment(time: datetime) -> str:
    """A time in UTC with milliseconds; what comes between two of them is the later one."""
    utc = time.astimezone(UTC)
    if utc.microsecond % 1000:
        utc += timedelta(microseconds=1000 - utc.microsecond % 1000)
    return utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def period(field: str, bounds: Bounds) -> str:
    """``start <= time < end``; empty when neither is given."""
    if bounds.start is None and bounds.end is None:
        return ""
    start = "*" if bounds.start is None else moment(bounds.start)
    end = "*" if bounds.end is None else moment(_before(bounds.end))
    return between(field, start, end)


def number(value: float) -> str:
    """A number as short as it can be read back."""
    return repr(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def _before(end: datetime) -> datetime:
    """The last millisecond before an end."""
    return end - MILLISECOND
