"""One table of everything that can be asked, from which the server and its description are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, get_type_hints

import msgspec
from aiohttp import web

from s2fetch.daemon.http.guard import Need
from s2fetch.daemon.http.problems import RefusedError

JSON = "application/json"


class ListedState(StrEnum):
    """States whose products can be listed."""

    QUEUED = "queued"
    WAITING = "waiting"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"


class ProductsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which products to list."""

    state: ListedState
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class FootprintsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many footprints to give."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 500


class NoQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing can be said in the query."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, taken apart.

    Attributes:
        request: As it came.
        archive: The archive its path names, or empty.
        query: Its parameters, of the type the route names.
    """

    request: web.Request
    archive: str
    query: msgspec.Struct


Handler = Callable[[Ask], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked.

    Summary and description come from the handler's docstring, the type of the answer from its
    annotation.

    Attributes:
        method: HTTP method.
        path: Path; ``{name}`` stands for an archive.
        handler: What answers.
        need: What the request needs.
        query: Type of its parameters.
        content: Media type of the answer; the value is encoded when it is JSON.
        example: What an answer looks like that is not JSON.
        status: The status of an answer.
        statuses: All that status can be, with their meaning.
    """

    method: str
    path: str
    handler: Handler
    need: Need = Need.READ
    query: type[msgspec.Struct] = NoQuery
    content: str = JSON
    example: str = ""
    status: Callable[[Any], int] = lambda _: 200
    statuses: dict[int, str] = field(default_factory=lambda: {200: "The answer"})

    @property
    def operation(self) -> str:
        """Its stable name."""
        return self.handler.__name__

    @property
    def of_archive(self) -> bool:
        """Whether its path names an archive."""
        return "{name}" in self.path

    @property
    def answer(self) -> object:
        """The type of its answer."""
        return get_type_hints(self.handler, include_extras=True)["return"]


def ask_of(request: web.Request, route: Route) -> Ask:
    """Take a request apart.

    Raises:
        RefusedError: A parameter is unknown, given twice, missing or not what it has to be. A
            mistyped one must not be passed over and give an answer to another question.
    """
    given = request.query
    try:
        if len(given) != len(set(given)):
            raise msgspec.ValidationError("A parameter was given twice")
        query = msgspec.convert(dict(given), route.query, strict=False)
    except msgspec.ValidationError as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "bad-parameter", f"the query cannot be used: {error}"
        ) from None
    return Ask(request, request.match_info.get("name", ""), query)
