"""Alive, and able to work."""

from __future__ import annotations

import sys
from typing import Any

import aiohttp
import msgspec
import pytest

from s2fetch.daemon.http import HttpFace
from s2fetch.errors import UsageError
from tests.daemon.controls import StillDaemon
from tests.daemon.http.conftest import FaceFactory


@pytest.fixture
def healthy(daemon: StillDaemon) -> StillDaemon:
    daemon.change_archive("iceland", free_bytes=10**12)
    return daemon


async def look(http: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, Any]]:
    async with http.get(url) as answer:
        return answer.status, await answer.json()


async def test_a_daemon_that_moves_is_alive(face: HttpFace, http: aiohttp.ClientSession) -> None:
    status, found = await look(http, f"{face.url}/healthz")
    assert (status, found["alive"], found["reasons"]) == (200, True, [])
    assert found["loop_delay_seconds"] == 0.012


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"loop_delay_seconds": 5.1}, "the event loop was 5.1 s late"),
        ({"stalled_seconds": 901.0}, "has not moved for 15 min 01 s"),
    ],
)
async def test_a_late_loop_or_a_wedged_engine_is_not_alive(
    face: HttpFace,
    healthy: StillDaemon,
    http: aiohttp.ClientSession,
    fields: dict[str, float],
    reason: str,
) -> None:
    healthy.change(**fields)
    status, found = await look(http, f"{face.url}/healthz")
    assert (status, found["alive"]) == (503, False)
    assert reason in found["reasons"][0]


async def test_a_daemon_that_cannot_work_is_still_alive(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    daemon.change(hub_reachable=False, paused=True)
    assert (await look(http, f"{face.url}/healthz"))[0] == 200


async def test_the_limits_are_settings(
    faces: FaceFactory, healthy: StillDaemon, http: aiohttp.ClientSession
) -> None:
    face = await faces(loop_delay_limit=0.01)
    assert (await look(http, f"{face.url}/healthz"))[0] == 503


async def test_without_the_metrics_library_the_extra_is_named(
    faces: FaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in ("api", "metrics"):
        monkeypatch.delitem(sys.modules, f"s2fetch.daemon.http.{name}", raising=False)
    with pytest.raises(UsageError, match=r"prometheus_client.*s2fetch\[daemon\]"):
        await faces()


async def test_a_daemon_with_hub_space_and_accounts_is_ready(
    face: HttpFace, healthy: StillDaemon, http: aiohttp.ClientSession
) -> None:
    assert await look(http, f"{face.url}/readyz") == (200, {"ready": True, "reasons": []})


async def test_a_disk_below_its_floor_is_named(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    status, found = await look(http, f"{face.url}/readyz")
    assert (status, found["ready"]) == (503, False)
    assert found["reasons"] == [
        {
            "check": "disk",
            "subject": "iceland",
            "detail": "38.2 GB are free, and 50.0 GB are to be left",
        }
    ]


async def test_every_reason_not_to_be_ready_is_told(
    face: HttpFace, healthy: StillDaemon, http: aiohttp.ClientSession
) -> None:
    first, second = healthy.now.accounts
    refused = msgspec.structs.replace(second, refused="user or password is wrong")
    healthy.change(
        hub_reachable=False,
        hub_trouble="hub: connection refused",
        stopping=True,
        accounts=(first, refused),
    )
    status, found = await look(http, f"{face.url}/readyz")
    assert status == 503
    assert [(r["check"], r["subject"]) for r in found["reasons"]] == [
        ("stopping", ""),
        ("hub", ""),
        ("account", "second@example.org"),
    ]
    assert found["reasons"][1]["detail"] == "hub: connection refused"
    assert found["reasons"][2]["detail"] == "user or password is wrong"
