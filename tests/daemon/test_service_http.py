"""The HTTP face of a running daemon: scraped, held against its description, its token changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as prometheus

from s2fetch.embedded.safe import generate_products
from tests.daemon.http.described import ask_as_described, needs_schemathesis
from tests.daemon.server import TOKEN, DaemonProcess, Server

OTHER_TOKEN = "another-token-of-enough-characters"
YEARLY = 'schedule = "365d"'


async def kept(server: Server, *names: str) -> DaemonProcess:
    """A daemon with a token whose archives had their first run."""
    server.write(*(f"{name}\n{YEARLY}" for name in names), http=server.token())
    daemon = await server.start()
    for name in names:
        await daemon.until("run-finished", archive=name)
        await server.until(name, lambda archive: archive.last_run)
    return daemon


async def scrape(http: aiohttp.ClientSession, daemon: DaemonProcess) -> list[Metric]:
    async with http.get(f"{daemon.url}/metrics") as answer:
        assert answer.status == 200
        return list(prometheus(await answer.text()))


def value(families: list[Metric], name: str, **labels: str) -> float:
    """The one sample of that name and these labels."""
    samples = [sample for family in families for sample in family.samples]
    (found,) = (s.value for s in samples if (s.name, s.labels) == (f"s2fetch_{name}", labels))
    return found


async def test_prometheus_understands_what_it_scrapes(
    server: Server, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """Numbers that agree with the disk, the hub and the log."""
    generate_products(tmp_path / "products", 6, size=60_000, offline=2)
    hub = await server.hub(tmp_path / "products", "--retrieval", "3600")
    daemon = await kept(server, "alps", "plain")
    found = await scrape(http, daemon)
    account = hub.environment["S2FETCH_USER"]
    size = sum(path.stat().st_size for path in server.files("alps"))
    for name in ("alps", "plain"):
        assert value(found, "products", archive=name, state="complete") == 4
        assert value(found, "products", archive=name, state="waiting") == 2
        assert value(found, "archive_bytes", archive=name) == size
        assert value(found, "runs_total", archive=name, outcome="waiting") == 1
        assert value(found, "products_completed_total", archive=name) == 4
        assert value(found, "retrievals_requested_total", archive=name) >= 1
        assert value(found, "oldest_waiting_age_seconds", archive=name) >= 0
        assert value(found, "newest_product_lag_hours", archive=name) > 1000
        assert value(found, "verified_ratio", archive=name) == 1
        assert value(found, "free_bytes", archive=name) > 10**6
    assert value(found, "received_bytes_total", account=account) == 2 * size
    assert value(found, "slots", account=account) == 2
    assert value(found, "slots_in_use", account=account) == 0
    assert value(found, "tokens_obtained_total", account=account, way="login") == 1
    assert value(found, "account_token_remaining_seconds", account=account) > 0
    assert value(found, "hub_reachable") == 1
    assert value(found, "event_loop_delay_seconds") < 60
    assert (await hub.stats()).logins == 1


@pytest.mark.long
@needs_schemathesis
async def test_the_running_daemon_does_what_its_description_says(
    server: Server, products: Path, tmp_path: Path
) -> None:
    """Hundreds of requests, right and wrong; the daemon is paused, resumed, synced, reloaded."""
    await server.hub(products)
    daemon = await kept(server, "alps", "plain")
    said = await ask_as_described(daemon.url, TOKEN, tmp_path, examples=4)
    assert TOKEN not in said
    asked = {line["what"] for line in daemon.logged("daemon-asked", via="HTTP")}
    assert {"pause", "resume", "reload"} <= asked
    assert (await server.ctl("stop")).code == 0
    assert await daemon.ended() == 0
    assert TOKEN not in str(daemon.log)
    assert "defect" not in str(daemon.log)


async def test_a_new_token_counts_after_a_reload_and_a_bad_one_is_refused(
    server: Server, products: Path, http: aiohttp.ClientSession
) -> None:
    await server.hub(products)
    daemon = await kept(server, "alps")
    token = server.folder / "http-token"

    async def pause(word: str) -> int:
        headers = {"Authorization": f"Bearer {word}"}
        async with http.post(f"{daemon.url}/api/v1/pause", headers=headers) as answer:
            return answer.status

    assert (await pause(TOKEN), await pause(OTHER_TOKEN)) == (200, 401)
    token.write_text(OTHER_TOKEN)
    assert await pause(OTHER_TOKEN) == 401, "nobody has said so yet"
    assert (await server.ctl("reload")).code == 0
    assert (await pause(TOKEN), await pause(OTHER_TOKEN)) == (401, 200)

    token.chmod(0o644)
    server.write("coast", http=server.file.read_text().split("[http]\n")[1])
    done = await server.ctl("reload")
    assert done.code == 2
    assert "others can read it" in done.err
    assert await pause(OTHER_TOKEN) == 200
    assert [each.name for each in (await server.state()).archives] == ["alps"]


async def test_the_token_s_file_may_be_another_one_or_go_and_the_restart_brings_it(
    server: Server, products: Path, http: aiohttp.ClientSession
) -> None:
    """A file that the configuration does not name any more cannot be what is wrong with it."""
    await server.hub(products)
    daemon = await kept(server, "alps")
    (server.folder / "http-token").unlink()
    server.write("coast", http="enabled = false")
    done = await server.ctl("reload")
    assert done.code == 0, done.err
    assert "only a restart of the daemon brings: http" in done.err
    assert [each.name for each in (await server.state()).archives] == ["coast"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with http.post(f"{daemon.url}/api/v1/pause", headers=headers) as answer:
        assert answer.status == 200, "until then the old one counts"


async def test_whoever_follows_is_told_of_which_archive_an_event_is(
    server: Server, products: Path, http: aiohttp.ClientSession
) -> None:
    await server.hub(products)
    daemon = await kept(server, "alps")
    assert (await server.ctl("sync", "alps")).code == 0
    await daemon.until("run-finished", count=2)
    told: list[dict[str, Any]] = []
    async with http.get(f"{daemon.url}/api/v1/events") as stream:
        async for line in stream.content:
            if line.startswith(b"data: ") and b'"text"' in line:
                told.append(msgspec.json.decode(line.removeprefix(b"data: ")))
                if [each["name"] for each in told].count("run-finished") == 2:
                    break
    runs = [each for each in told if each["name"].startswith("run-")]
    assert {each["archive"] for each in runs} == {"alps"}
    (asked,) = (each for each in told if each["name"] == "daemon-asked")
    assert asked["text"] == "sync alps, asked for over the control socket"


async def test_health_and_readiness_are_those_of_the_running_daemon(
    server: Server, products: Path, http: aiohttp.ClientSession
) -> None:
    """A hub that is gone makes it not ready, and does not make it ill."""
    hub = await server.hub(products)
    daemon = await kept(server, "alps")
    async with http.get(f"{daemon.url}/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": []})
    hub.process.terminate()
    await hub.process.wait()
    assert (await server.ctl("sync", "alps")).code == 0
    await daemon.until("hub-paused")
    async with http.get(f"{daemon.url}/readyz") as answer:
        (reason,) = (await answer.json())["reasons"]
        assert (answer.status, reason["check"]) == (503, "hub")
        assert "refused" in reason["detail"]
    async with http.get(f"{daemon.url}/healthz") as answer:
        assert answer.status == 200


async def test_a_floor_that_is_higher_than_the_disk_makes_it_not_ready(
    server: Server, products: Path, http: aiohttp.ClientSession
) -> None:
    """The queue rests, and says so; with space again it goes on."""
    await server.hub(products)
    server.write('alps\nreserve = "9000 TB"')
    daemon = await server.start()
    await server.until("alps", lambda archive: archive.activity == "out-of-space")
    async with http.get(f"{daemon.url}/readyz") as answer:
        (reason,) = (await answer.json())["reasons"]
        assert (answer.status, reason["check"], reason["subject"]) == (503, "disk", "alps")
    assert "9.00 PB" in reason["detail"]
    assert not server.files("alps")
    assert "out-of-space" in (await server.ctl("status")).out
