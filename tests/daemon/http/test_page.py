"""The dashboard in a real browser: what it shows, and what it can be used for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest

from s2fetch.daemon.http import HttpFace
from s2fetch.daemon.http.stream import MOST_REMEMBERED
from s2fetch.daemon.state import Activity, AlertState, DayCoverage, SlotState, Throughput
from s2fetch.events import HubResumed, ProductOnline
from s2fetch.product import Product
from tests.daemon.controls import StillDaemon, ago
from tests.daemon.http.browser import Page
from tests.daemon.http.conftest import TOKEN, FaceFactory, local
from tests.daemon.http.dashboard import SHOWN, click, needs_chromium, shown, unlock, words
from tests.daemon.http.happenings import happen

EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


async def test_the_pages_files_are_served_with_their_types_and_kept_while_unchanged(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    types = {
        "/": "text/html",
        "/page/main.js": "text/javascript",
        "/page/style.css": "text/css",
        "/page/icon.svg": "image/svg+xml",
    }
    for path, kind in types.items():
        async with http.get(face.url + path) as answer:
            assert (answer.status, answer.content_type) == (200, kind)
            tag = answer.headers["ETag"]
        async with http.get(face.url + path, headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with http.get(face.url + path, headers={"If-None-Match": '"old"'}) as answer:
            assert answer.status == 200


async def test_the_pages_files_name_nothing_outside() -> None:
    folder = Path(__file__).parents[3] / "s2fetch/daemon/http/page"
    for file in folder.iterdir():
        content = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in content, file.name
        assert "innerHTML" not in content, file.name


@needs_chromium
async def test_the_page_shows_the_daemon_and_asks_nobody_else(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    happen(daemon.events)
    await shown(page, face)
    assert "1 problem, 3 to look at" in await words(page, "#headline")
    assert "38.2 GB are free on /data/cold" in await words(page, "#attention")
    assert "reaches its monthly volume on 27 Jun 2026" in await words(page, "#attention")
    tiles = await words(page, "#tiles")
    for part in ("29.4 MB/s", "5 of 6 slots busy", "Waiting 271", "Failed 5", "25 h", "17,194"):
        assert part in tiles
    slots = await words(page, "#slots")
    assert "alps · 32TQQ · 2026-06-16 10:31 · S2B L2A" in slots
    assert "503 MB of 812 MB 7.40 MB/s 42 s" in slots
    assert "second@example.org 2 free" in slots
    assert "9.40 TB of 12.0 TB in 30 days (78.3 %)" in await words(page, "#accounts")
    assert "po-valley" in await words(page, "#archives")
    products = await words(page, "#products")
    assert "the body ended after 311 MB of 812 MB, for the eighth time" in products
    assert "tried again by the next run" in products
    assert "15 Jun 2026: 8 complete, 7 waiting, 2 missing" in await words(page, "#gaps")
    assert await page.get("document.querySelectorAll('.footprint').length") == 30
    assert "240 products on 30 footprints" in await words(page, "#map-readout")
    assert "°E" in await words(page, "#map")
    assert "1.07 TB in 12 h" in await words(page, "#throughput-readout")
    log = await words(page, "#log")
    assert "attempt failed" in log
    assert log.index("run finished") < log.index("run started")
    assert page.complaints == []
    assert page.requests
    assert all(url.startswith(face.url + "/") for url in page.requests)


@needs_chromium
async def test_the_page_follows_what_changes(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    await shown(page, face)
    daemon.change(paused=True)
    await page.until("document.getElementById('attention').innerText.includes('paused')")
    daemon.change_archive("alps", activity=Activity.FAILED, why="the hub refused the query")
    await page.until("document.getElementById('attention').innerText.includes('refused the query')")
    daemon.change(stalled_seconds=1000.0)
    await page.until("document.getElementById('attention').innerText.includes('not moved')")
    one = Product(id="1", name="S2B_MSIL2A_20260616T103100_N0511_R065_T32TQM_20260616T133800.SAFE")
    daemon.events.emit(ProductOnline(product=one))
    await page.until("document.getElementById('log').innerText.includes('is online again')")
    assert page.complaints == []


@needs_chromium
async def test_what_needs_a_look_leads_to_where_it_is(
    face: HttpFace, daemon: StillDaemon, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Focus and view go to the list, also when what is above it comes late."""
    await shown(page, face)
    await click(page, "po-valley")
    await page.until("document.querySelectorAll('.footprint').length === 0")
    real, go_on = daemon.coverage, asyncio.Event()

    async def late(archive: str) -> list[DayCoverage]:
        await go_on.wait()
        return await real(archive)

    monkeypatch.setattr(daemon, "coverage", late)
    await click(page, "alps: 1 product in quarantine")
    assert await words(page, "#one-name") == "alps"
    await page.until("document.getElementById('products').innerText.includes('digest')")
    assert await page.get("document.activeElement.id") == "h-products"
    go_on.set()
    await page.until("document.querySelectorAll('.footprint').length === 30")
    top = "document.getElementById('h-products').getBoundingClientRect().top"
    await page.until(f"0 <= {top} && {top} < 900")


@needs_chromium
async def test_a_refused_account_is_said_once_with_what_it_holds_up(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    why = "user or password is wrong"
    first, second = daemon.now.accounts
    daemon.change(accounts=(first, msgspec.structs.replace(second, refused=why)))
    daemon.change_archive("po-valley", activity=Activity.FAILED, why=why)
    nothing = AlertState(rule="nothing-new", subject="alps", message="alps is silent", since="")
    daemon.change(alerts=(nothing,))
    daemon.change_archive("alps", damaged=2)
    await shown(page, face)
    attention = await words(page, "#attention")
    assert attention.count(why) == 1
    assert "second@example.org cannot be used, and po-valley cannot go on" in attention
    assert "alps: 2 products found damaged" in attention
    assert "alps is silent" in attention
    assert "second@example.org 2 the account is refused" in await words(page, "#slots")


@needs_chromium
async def test_what_went_wrong_is_found_among_what_went_well(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    """A busy daemon tells hundreds of things a minute."""
    happen(daemon.events)
    for number in range(MOST_REMEMBERED + 1):
        daemon.events.emit(HubResumed(host=f"host-{number}"))
    await shown(page, face)
    assert "attempt failed" not in await words(page, "#log li:first-child")
    await click(page, "What went wrong 3")
    log = await words(page, "#log")
    assert "attempt failed" in log
    assert "answers again" not in log
    await click(page, "Everything")
    assert "answers again" in await words(page, "#log")


@needs_chromium
async def test_what_is_in_the_queue_is_neither_missing_nor_unknown(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    daemon.days = [DayCoverage(day="2026-06-01", complete=3, queued=2)]
    await shown(page, face)
    cell = "document.querySelector('[data-day=\"2026-06-01\"]')"
    assert await page.get(f"{cell}.dataset.is") == "queued"
    assert "3 complete, 2 in the queue" in await page.get(f"{cell}.ariaLabel")
    assert "1 day with products in the queue, no gap" in await words(page, "#h-gaps")


@needs_chromium
async def test_a_daemon_that_has_just_begun_is_not_measured_by_its_past(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    """One minute with 60 MB is 1 MB/s, on average and at most."""
    daemon.change(started=ago(minutes=1))
    early = (Throughput(start=ago(minutes=m), seconds=300.0, received=0) for m in (12, 7))
    last = Throughput(start=ago(minutes=2), seconds=120.0, received=60_000_000)
    daemon.periods = [*early, last]
    await shown(page, face)
    said = await words(page, "#throughput-readout")
    assert "60.0 MB in 1 min: 1.00 MB/s on average, at most 1.00 MB/s" in said


@needs_chromium
async def test_the_page_comes_back_by_itself_after_the_daemon_was_away(
    faces: FaceFactory, token_file: Path, page: Page
) -> None:
    face = await faces(token_file=token_file)
    port = int(face.url.rpartition(":")[2])
    await shown(page, face)
    await face.__aexit__(None, None, None)
    await page.until("document.getElementById('live').dataset.state === 'lost'")
    assert "reconnecting" in await words(page, "#live")
    said = await words(page, "#notice")
    assert "does not answer" in said
    assert "What you see was so at 14:32 UTC on 18 Jun 2026" in said
    assert "no answer" in await page.get("document.title")
    await faces(token_file=token_file, port=port)
    await page.until("document.getElementById('live').dataset.state === 'live'")
    await page.until("document.getElementById('notice').hidden")


@needs_chromium
async def test_one_page_too_many_is_told_so(
    faces: FaceFactory, token_file: Path, page: Page
) -> None:
    face = await faces(token_file=token_file, streams=0)
    await page.open(face.url)
    await page.until("document.getElementById('notice').innerText.includes('Too many pages')")


@needs_chromium
async def test_what_a_hub_says_is_shown_and_never_run(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    slot = SlotState(account=EVIL, slot=1, archive="alps", product=EVIL, size=10, position=1)
    daemon.change(slots=(slot,))
    daemon.change_archive("alps", why=EVIL, folder=EVIL)
    await shown(page, face)
    daemon.events.emit(ProductOnline(product=Product(id="1", name=EVIL)))
    await page.until("document.getElementById('log').innerText.includes('<script>')")
    assert EVIL in await words(page, "#slots")
    assert await page.get("document.querySelectorAll('img, script').length") == 2
    assert "s2fetch" in await page.get("document.title")
    assert page.complaints == []


@needs_chromium
async def test_nothing_can_be_told_before_the_token_is_given(face: HttpFace, page: Page) -> None:
    await shown(page, face)
    visible = "[...document.querySelectorAll('button')].filter((one) => one.offsetParent)"
    names: list[str] = await page.get(f"{visible}.map((one) => one.innerText)")
    assert "Unlock controls" in names
    assert not {"Pause", "Sync now", "Pause all", "Reload configuration"} & set(names)


@needs_chromium
async def test_with_the_token_archives_are_paused_resumed_and_synced(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    await shown(page, face)
    await unlock(page)
    await page.until("document.getElementById('lock').innerText === 'Lock controls'")
    await click(page, "Pause alps")
    await page.until("document.querySelector('#archives .badge').innerText.includes('paused')")
    await click(page, "Resume alps")
    await page.until("document.querySelector('#archives .badge').innerText.includes('idle')")
    await click(page, "Sync now po-valley")
    await page.until("document.querySelector('#archives').innerText.includes('syncing')")
    await click(page, "Pause all")
    await page.until("document.querySelector('#all-controls').innerText.includes('Resume all')")
    assert daemon.asked == ["pause alps", "resume alps", "sync po-valley", "pause"]
    assert await page.get("Object.values(sessionStorage)") == [TOKEN]
    assert await page.get("localStorage.length + document.cookie.length") == 0
    await page.get("document.getElementById('lock').click()")
    await page.until("document.getElementById('lock').innerText === 'Unlock controls'")
    assert await page.get("sessionStorage.length") == 0
    assert page.complaints == []


@needs_chromium
async def test_a_wrong_token_is_said_and_not_kept(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    await shown(page, face)
    await unlock(page, "wrong")
    await page.until("document.getElementById('unlock-error').innerText.includes('not the daemon')")
    assert await page.get("sessionStorage.length") == 0
    assert daemon.asked == []


@needs_chromium
async def test_a_page_from_the_network_asks_for_the_token_first(
    faces: FaceFactory, token_file: Path, page: Page
) -> None:
    face = await faces(host="0.0.0.0", token_file=token_file)
    await page.open(local(face.url))
    await page.until("document.getElementById('unlock').open")
    assert await words(page, "#tiles") == ""
    await page.get(
        f"document.getElementById('token').value = '{TOKEN}';"
        "document.getElementById('unlock-form').requestSubmit()"
    )
    await page.until(SHOWN)
    assert "29.4 MB/s" in await words(page, "#tiles")
    asked = [url for url in page.requests if "/api/" in url]
    assert len(asked) < 20, "it did not ask again and again while it had no token"
    await click(page, "Lock controls")
    await page.until("document.getElementById('unlock').open")


@needs_chromium
async def test_another_archive_and_another_year_are_shown(face: HttpFace, page: Page) -> None:
    await shown(page, face)
    await click(page, "A year earlier")
    assert "2024" in await words(page, "#year")
    assert await page.get("document.getElementById('year-on').disabled") is False
    await click(page, "po-valley")
    await page.until("document.getElementById('calendar-readout').innerText === 'No products yet'")
    assert await words(page, "#one-name") == "po-valley"
    assert await page.get("location.hash") == "#po-valley"
    assert page.complaints == []


@needs_chromium
async def test_a_daemon_without_archives_is_shown_without_complaint(
    face: HttpFace, daemon: StillDaemon, page: Page
) -> None:
    daemon.change(archives=(), accounts=(), slots=())
    await page.open(face.url)
    await page.until("document.getElementById('headline').innerText.includes('All is well')")
    assert page.complaints == []
