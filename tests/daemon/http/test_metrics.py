"""A scrape, read by Prometheus' own parser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from s2fetch.daemon.http import HttpFace
from s2fetch.daemon.state import AlertState
from s2fetch.events import AttemptFailed, TransferEnded, TransferProgressed, TransferStarted
from tests.daemon.controls import NOW, StillDaemon
from tests.daemon.http.happenings import ACCOUNT, SIZE, happen, product

OURS = "s2fetch_"


async def scrape(http: aiohttp.ClientSession, face: HttpFace) -> list[Metric]:
    async with http.get(f"{face.url}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return list(prometheus(await answer.text()))


def value(families: Iterable[Metric], name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == OURS + name and sample.labels == labels
    ]
    assert len(found) == 1, f"{name} {labels}: {found}"
    return found[0]


async def test_the_state_can_be_scraped(face: HttpFace, http: aiohttp.ClientSession) -> None:
    found = await scrape(http, face)
    assert value(found, "build_info", version="0.2.0") == 1
    assert value(found, "products", archive="alps", state="waiting") == 231
    assert value(found, "products", archive="po-valley", state="failed") == 0
    assert value(found, "slots", account=ACCOUNT) == 4
    assert value(found, "slots_in_use", account="second@example.org") == 1
    assert value(found, "newest_product_lag_hours", archive="alps") == pytest.approx(2.85)
    assert value(found, "oldest_waiting_age_seconds", archive="alps") == 51 * 3600
    assert value(found, "oldest_waiting_age_seconds", archive="po-valley") == 0
    assert value(found, "verified_ratio", archive="alps") == 0.9431
    assert value(found, "event_loop_delay_seconds") == 0.012
    assert value(found, "free_bytes", archive="iceland") == 38_200_000_000
    assert value(found, "floor_bytes", archive="iceland") == 50e9
    assert value(found, "archive_activity", archive="iceland", activity="out-of-space") == 1
    assert value(found, "archive_activity", archive="iceland", activity="idle") == 0
    assert value(found, "hub_reachable") == 1
    assert value(found, "account_quota_bytes", account=ACCOUNT) == 12e12
    reached = value(found, "account_quota_reached_timestamp_seconds", account=ACCOUNT)
    assert reached == (NOW + timedelta(days=9)).timestamp()


async def test_what_is_alerted_of_can_be_scraped(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    alert = AlertState(rule="damage", subject="alps", message="", since="")
    daemon.change(alerts=(alert,), bandwidth=5e6)
    found = await scrape(http, face)
    assert value(found, "alert", rule="damage", subject="alps") == 1
    assert value(found, "bandwidth_limit_bytes_per_second") == 5e6


async def test_what_happens_is_counted(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    happen(daemon.events)
    found = await scrape(http, face)
    assert value(found, "received_bytes_total", account=ACCOUNT) == 2 * SIZE - 12_000_000
    assert value(found, "received_bytes_total", account="second@example.org") == 0
    assert value(found, "retries_total", archive="alps", reason="body-cut") == 1
    assert value(found, "products_failed_total", archive="alps", reason="access-forbidden") == 1
    assert value(found, "tokens_obtained_total", account=ACCOUNT, way="login") == 1
    assert value(found, "tokens_obtained_total", account=ACCOUNT, way="renewal") == 1
    assert value(found, "hub_pauses_total", scope="host") == 1
    assert value(found, "runs_total", archive="alps", outcome="waiting") == 1
    assert value(found, "runs_total", archive="alps", outcome="ok") == 0
    # from the start, so that an alert on its increase sees the first
    assert value(found, "runs_total", archive="alps", outcome="archive") == 0
    assert value(found, "products_completed_total", archive="alps") == 2
    assert value(found, "retrievals_requested_total", archive="alps") == 1


async def test_bytes_are_counted_while_they_arrive_and_once_in_the_end(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    one: dict[str, Any] = {"product": product("32TQM"), "account": ACCOUNT, "slot": 3}
    daemon.events.emit(TransferStarted(**one, attempt=2, offset=100, size=1000))
    daemon.events.emit(TransferProgressed(**one, position=400, size=1000))
    assert value(await scrape(http, face), "received_bytes_total", account=ACCOUNT) == 300
    daemon.events.emit(TransferProgressed(**one, position=700, size=1000))
    daemon.events.emit(TransferEnded(**one, received=650))
    assert value(await scrape(http, face), "received_bytes_total", account=ACCOUNT) == 650


async def test_labels_are_bounded_whatever_the_events_say(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    for number in range(50):
        daemon.events.emit(
            AttemptFailed(
                product=product("32TQM"),
                account=ACCOUNT,
                attempt=1,
                code=f"surprise-{number}",
                error="",
                retry_in=1.0,
            )
        )
    found = await scrape(http, face)
    assert value(found, "retries_total", archive="", reason="other") == 50
    assert "surprise" not in str(found)


async def test_no_label_names_a_product(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    happen(daemon.events)
    assert "32TQM" not in str(await scrape(http, face))


async def test_what_is_not_known_is_left_out(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    daemon.change_archive("alps", lag_seconds=None, last_run=None, watermark="", next_run="")
    found = await scrape(http, face)
    missing = (
        "newest_product_lag_hours",
        "last_run_duration_seconds",
        "watermark_timestamp_seconds",
    )
    for name in missing:
        with pytest.raises(AssertionError, match=r"\[\]"):
            value(found, name, archive="alps")
    assert "NaN" not in str(found)


async def test_names_follow_the_conventions_and_are_explained(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    happen(daemon.events)
    found = await scrape(http, face)
    own = [family for family in found if family.name.startswith(OURS)]
    assert len(own) >= 40
    for family in own:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
    assert len({family.name for family in found}) == len(found)


async def test_memory_and_time_of_the_process_are_there(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    names = {family.name for family in await scrape(http, face)}
    assert {"process_resident_memory_bytes", "process_cpu_seconds"} <= names


async def test_openmetrics_is_given_to_those_who_prefer_it(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    happen(daemon.events)
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    async with http.get(f"{face.url}/metrics", headers=accept) as answer:
        assert answer.content_type == "application/openmetrics-text"
        found = list(openmetrics(await answer.text()))  # type: ignore[no-untyped-call]
    assert value(found, "products_completed_total", archive="alps") == 2


async def test_names_from_the_configuration_are_escaped(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    odd = 'a"b\\c\nd{e}'
    daemon.change_archive("alps", name=odd)
    found = await scrape(http, face)
    assert value(found, "archive_bytes", archive=odd) == 9_862e9


async def test_an_account_of_the_past_is_counted_on(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    happen(daemon.events)
    daemon.change(accounts=())
    found = await scrape(http, face)
    assert value(found, "received_bytes_total", account=ACCOUNT) > 0
