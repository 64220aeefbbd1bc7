"""The description of the API, held against the running server."""

from __future__ import annotations

from typing import Any

import aiohttp

from s2fetch.daemon.http import HttpFace
from tests.daemon.http.test_security import CHANGES, READABLE

OPERATIONS = 19


async def document(face: HttpFace, http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get(f"{face.url}/api/v1/openapi.json") as answer:
        found: dict[str, Any] = await answer.json()
        return found


def references(node: object) -> set[str]:
    """Everything that is referred to, wherever it stands."""
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


async def test_everything_that_can_be_asked_is_described(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    found = await document(face, http)
    assert found["openapi"] == "3.1.0"
    assert found["info"]["version"] == "0.2.0"
    described = {
        (method, path) for path, operations in found["paths"].items() for method in operations
    }
    served = {("get", path.partition("?")[0].replace("alps", "{name}")) for path in READABLE}
    served |= {("post", path.replace("alps", "{name}")) for path in CHANGES}
    assert described == served | {("get", "/api/v1/events")}
    assert len(described) == OPERATIONS


async def test_every_reference_leads_somewhere_and_names_are_unique(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    found = await document(face, http)
    for reference in references(found):
        node: Any = found
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    operations = [one for path in found["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == OPERATIONS
    assert all(one["summary"] for one in operations)


async def test_refusals_that_have_nothing_to_do_with_the_question_are_described_too(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    for operations in (await document(face, http))["paths"].values():
        for operation in operations.values():
            assert {"401", "403", "413", "421", "503"} <= operation["responses"].keys()


async def test_only_changes_demand_the_token_in_the_description(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    for operations in (await document(face, http))["paths"].values():
        for method, operation in operations.items():
            demanded = {} not in operation["security"]
            assert demanded == (method == "post"), operation["operationId"]


async def test_limits_and_choices_of_parameters_are_described(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    found = await document(face, http)
    parameters = {
        one["name"]: one
        for one in found["paths"]["/api/v1/archives/{name}/products"]["get"]["parameters"]
    }
    assert parameters["name"]["in"] == "path"
    assert parameters["state"]["required"] is True
    limit = parameters["limit"]
    assert limit["required"] is False
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
