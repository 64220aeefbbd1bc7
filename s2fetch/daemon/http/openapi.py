"""The description of the API (OpenAPI 3.1.0), made from the table of routes.

Paths, parameters and answers are read off the same values the server works with, so the two cannot
drift apart.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from s2fetch.daemon.http.guard import Need
from s2fetch.daemon.http.problems import CONTENT_TYPE, Problem
from s2fetch.daemon.http.routes import Route

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ABOUT = """\
What the s2fetch daemon shows of itself and what it can be told. Reading needs nothing on loopback
and a token elsewhere; whatever changes something needs the token for it always. Times are ISO 8601
in UTC, durations in seconds, sizes in bytes, rates in bytes per second."""
_PROBLEMS = {
    400: "A parameter is unknown, missing or wrong",
    401: "The token is missing or wrong",
    403: "The token may only read, this daemon has none, or a page of another site asked",
    404: "There is no such archive",
    413: "Nothing here takes a body of that size",
    421: "The daemon is not known under the name the request uses",
    422: "What was asked for cannot be done",
    503: "The hub, the disk or the daemon cannot answer now",
}


def describe(routes: Sequence[Route], version: str) -> Json:
    """The document.

    Args:
        routes: Everything that can be asked.
        version: Of s2fetch.
    """
    described = [route for route in routes if route.path.startswith("/")]
    types = [route.answer for route in described if route.content != "text/plain"]
    types = [kind for kind in types if not _is_response(kind)] + [Problem]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    paths: dict[str, Json] = {}
    for route in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "s2fetch daemon", "version": version, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {_problem_name(status): _problem(status) for status in _PROBLEMS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, components: Json) -> Json:
    summary, _, rest = (inspect.getdoc(route.handler) or "").partition("\n\n")
    operation: Json = {
        "operationId": route.operation,
        "summary": " ".join(summary.split()).rstrip("."),
        "parameters": _parameters(route, components),
        "responses": _answers(route),
        "security": [{"token": []}] if route.need is Need.CHANGE else [{}, {"token": []}],
    }
    if rest:
        operation["description"] = " ".join(rest.split())
    return operation


def _parameters(route: Route, components: Json) -> list[Json]:
    parameters: list[Json] = []
    if route.of_archive:
        parameters.append(
            {
                "name": "name",
                "in": "path",
                "required": True,
                "description": "Name of an archive in the configuration",
                "schema": {"type": "string", "minLength": 1},
            }
        )
    for field in msgspec.structs.fields(route.query):
        (schema,), more = msgspec.json.schema_components([field.type], ref_template=_REF)
        components.update(more)
        if not field.required:
            schema = {**schema, "default": field.default}
        parameters.append(
            {"name": field.name, "in": "query", "required": field.required, "schema": schema}
        )
    return parameters


def _answers(route: Route) -> Json:
    schema: Json = {"type": "string"}
    if not _is_response(route.answer):
        (schema,), _ = msgspec.json.schema_components([route.answer], ref_template=_REF)
    content: Json = {"schema": schema}
    if route.example:
        content["example"] = route.example
    answers: Json = {
        str(status): {"description": meaning, "content": {route.content: content}}
        for status, meaning in route.statuses.items()
    }
    for status in _possible_problems(route):
        answers[str(status)] = {"$ref": f"#/components/responses/{_problem_name(status)}"}
    return answers


def _possible_problems(route: Route) -> list[int]:
    possible = [400, 401, 403, 413, 421]
    possible += [404] if route.of_archive else []
    possible += [422] if route.need is Need.CHANGE else []
    possible += [503] if 503 not in route.statuses else []
    return possible


def _problem_name(status: int) -> str:
    return HTTPStatus(status).name.title().replace("_", "")


def _problem(status: int) -> Json:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": _PROBLEMS[status], "content": {CONTENT_TYPE: {"schema": schema}}}


def _is_response(kind: object) -> bool:
    return inspect.isclass(kind) and kind.__module__.startswith("aiohttp")
