"""Queries in a hub's own language, as people paste them from a web interface.

For the Copernicus Data Space that is an OData ``$filter`` (its documentation, OData); for hubs that
run the Data Hub Software the ``q`` of an OpenSearch. Either may come as the address of a search.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from s2fetch.errors import QueryError

_OPTION = re.compile(r"(?:^|[?&])(?:(?:\$|%24)filter|q)=", re.IGNORECASE)
_NEXT_OPTION = re.compile(r"&(?:(?:\$|%24)[a-z]+|[a-z]+)=", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_STRING = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_COLLECTION = re.compile(r"\bCollection/Name\b|\bplatformname\s*:", re.IGNORECASE)
_SHOWN = 60


def read_hub_query(text: str) -> str:
    """The query itself, from text that may be an address or a part of one.

    Of an address only its ``$filter`` (or ``q``) is taken: order, paging and what else it asks for
    are s2fetch's own. What has no blanks is percent-decoded, and so is all that follows a
    ``$filter=``.

    Raises:
        QueryError: The address has no query, a quote or a parenthesis is not closed, or nothing is
            left.
    """
    query = text.strip()
    if option := _OPTION.search(query):
        rest = query[option.end() :]
        following = _NEXT_OPTION.search(rest)
        query = _decoded(rest[: following.start()] if following else rest)
    elif _ADDRESS.match(query):
        advice = "Copy the address of the search itself, or the filter alone"
        raise QueryError(f"{_shown(text)} holds no $filter=", advice=advice)
    elif not re.search(r"\s", query) and re.search(r"%[0-9a-fA-F]{2}", query):
        query = _decoded(query)
    query = query.strip()
    if not query:
        raise QueryError(f"{_shown(text)} holds no query")
    _check_balance(query)
    return query


def restricts_collection(query: str) -> bool:
    """Whether a query names a collection, outside of its strings, so that none need be added."""
    return _COLLECTION.search(_STRING.sub("''", query)) is not None


def _decoded(text: str) -> str:
    """Percent-decoded; ``+`` is a blank where no blank is written as itself."""
    plain = text if re.search(r"\s", text) else text.replace("+", " ")
    return unquote(plain)


def _check_balance(query: str) -> None:
    """What is put in parentheses together with other conditions must not get out of them."""
    bare = _STRING.sub("", query)
    if "'" in bare or '"' in bare:
        raise QueryError(f"{_shown(query)} has a quote that is not closed")
    depth = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
    if depth:
        raise QueryError(f"the parentheses of {_shown(query)} do not match")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")
