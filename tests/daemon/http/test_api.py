"""The typed answers, and what can be told."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
import pytest

from s2fetch.daemon.events import DaemonAsked
from s2fetch.daemon.http import HttpFace
from s2fetch.daemon.state import ArchiveState, DaemonState, DayCoverage, ProductRow, Throughput
from s2fetch.errors import ConfigError, HubDownError
from s2fetch.events import Event
from tests.daemon.controls import StillDaemon, coverage, throughput
from tests.daemon.http.conftest import WITH_TOKEN

V1 = "/api/v1"


async def body(http: aiohttp.ClientSession, url: str) -> bytes:
    async with http.get(url) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "application/json"
        return await answer.read()


async def problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    assert answer.content_type == "application/problem+json"
    found: dict[str, Any] = await answer.json()
    assert found["status"] == answer.status
    assert found["title"]
    return found


async def test_the_state_is_what_the_daemon_says(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    found = await body(http, f"{face.url}{V1}/state")
    assert msgspec.json.decode(found, type=DaemonState) == daemon.now


async def test_archives_come_in_the_order_of_the_configuration(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    found = await body(http, f"{face.url}{V1}/archives")
    assert tuple(msgspec.json.decode(found, type=list[ArchiveState])) == daemon.now.archives


async def test_one_archive_is_found_by_its_name(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    found = await body(http, f"{face.url}{V1}/archives/po-valley")
    assert msgspec.json.decode(found, type=ArchiveState) == daemon.now.archives[1]


async def test_a_name_with_odd_characters_is_found(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    daemon.change_archive("alps", name="Süd tirol/50%")
    found = await body(http, f"{face.url}{V1}/archives/S%C3%BCd%20tirol%2F50%25")
    assert msgspec.json.decode(found, type=ArchiveState).name == "Süd tirol/50%"


@pytest.mark.parametrize("state", ["queued", "waiting", "failed", "quarantined", "withdrawn"])
async def test_products_are_listed_by_state(
    face: HttpFace, http: aiohttp.ClientSession, state: str
) -> None:
    found = await body(http, f"{face.url}{V1}/archives/alps/products?state={state}&limit=3")
    rows = msgspec.json.decode(found, type=list[ProductRow])
    assert 1 <= len(rows) <= 3
    assert {row.state for row in rows} == {state}


async def test_lists_have_a_limit_when_none_is_asked_for(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    await body(http, f"{face.url}{V1}/archives/alps/products?state=queued")
    async with http.get(f"{face.url}{V1}/archives/alps/footprints"):
        pass
    assert daemon.limits == [100, 500]


async def test_coverage_and_throughput_are_passed_on(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    days = await body(http, f"{face.url}{V1}/archives/alps/coverage")
    assert msgspec.json.decode(days, type=list[DayCoverage]) == coverage()
    periods = await body(http, f"{face.url}{V1}/throughput")
    assert msgspec.json.decode(periods, type=list[Throughput]) == throughput()


async def test_footprints_are_geojson_in_longitude_and_latitude(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{face.url}{V1}/archives/alps/footprints?limit=4") as answer:
        assert answer.content_type == "application/geo+json"
        found = await answer.json(content_type=None)
    assert found["type"] == "FeatureCollection"
    assert len(found["features"]) == 4
    feature = found["features"][3]
    assert feature["type"] == "Feature"
    assert feature["properties"]["state"] == "waiting"
    assert feature["geometry"]["type"] == "Polygon"
    ring = feature["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert all(5 < lon < 9 and 42 < lat < 49 for lon, lat in ring)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?state=complete",
        "?state=failed&state=waiting",
        "?state=failed&limit=0",
        "?state=failed&limit=1001",
        "?state=failed&limit=ten",
        "?state=failed&limit=",
        "?state=failed&$top=3",
        "?State=failed",
    ],
)
async def test_a_query_that_cannot_be_meant_is_refused_and_not_passed_over(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession, query: str
) -> None:
    async with http.get(f"{face.url}{V1}/archives/alps/products{query}") as answer:
        assert (await problem(answer))["code"] == "bad-parameter"
        assert answer.status == 400
    assert daemon.limits == []


@pytest.mark.parametrize("rest", ["", "/products?state=failed", "/coverage", "/footprints"])
async def test_an_unknown_archive_is_not_found(
    face: HttpFace, http: aiohttp.ClientSession, rest: str
) -> None:
    async with http.get(f"{face.url}{V1}/archives/andes{rest}") as answer:
        assert (await problem(answer))["code"] == "no-such-archive"
        assert answer.status == 404


@pytest.mark.parametrize("what", ["pause", "resume", "sync"])
async def test_an_archive_can_be_told(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession, what: str
) -> None:
    heard: list[Event] = []
    daemon.events.subscribe(heard.append)
    async with http.post(f"{face.url}{V1}/archives/alps/{what}", headers=WITH_TOKEN) as answer:
        assert answer.status == 200
        found = msgspec.json.decode(await answer.read(), type=ArchiveState)
    assert daemon.asked == [f"{what} alps"]
    assert found == daemon.now.archives[0]
    assert heard == [DaemonAsked(what=what, archive="alps", via="HTTP")]


@pytest.mark.parametrize("what", ["pause", "resume", "reload"])
async def test_the_whole_daemon_can_be_told(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession, what: str
) -> None:
    heard: list[Event] = []
    daemon.events.subscribe(heard.append)
    async with http.post(f"{face.url}{V1}/{what}", headers=WITH_TOKEN) as answer:
        assert answer.status == 200
        found = msgspec.json.decode(await answer.read(), type=DaemonState)
    assert daemon.asked == [what]
    assert found == daemon.now
    assert heard == [DaemonAsked(what=what, archive="", via="HTTP")]


@pytest.mark.parametrize("what", ["pause", "resume", "sync"])
async def test_an_unknown_archive_cannot_be_told(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession, what: str
) -> None:
    async with http.post(f"{face.url}{V1}/archives/andes/{what}", headers=WITH_TOKEN) as answer:
        assert (await problem(answer))["code"] == "no-such-archive"
    assert daemon.asked == []


async def test_a_bad_configuration_is_refused_with_its_line(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    daemon.refusal = ConfigError("daemon.toml line 7: shedule is no key", did="Nothing changed")
    async with http.post(f"{face.url}{V1}/reload", headers=WITH_TOKEN) as answer:
        found = await problem(answer)
    assert answer.status == 422
    assert found["code"] == "config"
    assert found["detail"] == "daemon.toml line 7: shedule is no key. Nothing changed"


async def test_what_the_daemon_cannot_do_now_is_said_with_its_reason(
    face: HttpFace,
    daemon: StillDaemon,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def down(_: str) -> list[DayCoverage]:
        raise HubDownError("the hub has been unreachable for an hour")

    monkeypatch.setattr(daemon, "coverage", down)
    async with http.get(f"{face.url}{V1}/archives/alps/coverage") as answer:
        found = await problem(answer)
    assert (answer.status, found["code"]) == (503, "hub-down")
    assert "unreachable for an hour" in found["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/stat", 404),
        ("GET", "/api/v2/state", 404),
        ("POST", "/api/v1/stop", 404),
        ("GET", "/api/v1/pause", 405),
        ("POST", "/api/v1/state", 405),
        ("DELETE", "/api/v1/archives/alps", 405),
        ("POST", "/", 405),
    ],
)
async def test_what_is_not_there_is_said_in_the_same_form(
    face: HttpFace, http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with http.request(method, face.url + path, headers=WITH_TOKEN) as answer:
        await problem(answer)
        assert answer.status == status
        assert ("Allow" in answer.headers) == (status == 405)


async def test_the_page_can_ask_whether_a_token_is_right(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{face.url}{V1}/access") as answer:
        assert await answer.json() == {"changes": False, "token": True}
    async with http.get(f"{face.url}{V1}/access", headers=WITH_TOKEN) as answer:
        assert await answer.json() == {"changes": True, "token": True}
    async with http.get(
        f"{face.url}{V1}/access", headers={"Authorization": "Bearer wrong"}
    ) as answer:
        assert answer.status == 401
