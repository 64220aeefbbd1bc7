"""The dashboard over a running daemon, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2fetch.embedded.answers import access_forbidden
from s2fetch.embedded.faults import Fault
from s2fetch.embedded.safe import generate_products
from tests.daemon.http.browser import Page
from tests.daemon.http.dashboard import click, needs_chromium, unlock, words
from tests.daemon.server import TOKEN, Server

pytestmark = needs_chromium


@pytest.mark.long
async def test_it_shows_what_the_running_daemon_does_and_lets_it_be_told(
    server: Server, tmp_path: Path, page: Page
) -> None:
    """Two archives of forty products: some on tape, one that is refused; then one is paused."""
    entries = generate_products(tmp_path / "products", 40, size=60_000, offline=5)
    hub = await server.hub(tmp_path / "products", "--retrieval", "3600")
    await hub.fail(Fault(access_forbidden(), product=entries[16].id, times=None))
    yearly = 'schedule = "365d"'
    alps = f'alps\ntile = ["32TQM", "32TPM", "33TUL", "32UPU"]\npriority = 3\n{yearly}'
    server.write(alps, f"everything\n{yearly}", http=server.token())
    daemon = await server.start()
    for name in ("alps", "everything"):
        await server.until(name, lambda archive: archive.last_run)

    await page.open(daemon.url)
    await page.until("document.querySelectorAll('#archives li').length === 2")
    await page.until("document.querySelector('#products tbody tr')")
    await page.until("document.querySelector('.footprint')")
    assert "1 product failed" in await words(page, "#attention")
    archives = await words(page, "#archives")
    assert "34 complete · 5 waiting · 1 failed" in archives
    products = await words(page, "#products")
    assert "the account may not download this" in products
    assert "tried again by the next run" in products
    log = await words(page, "#log")
    assert "run finished everything — failed: 34 fetched" in log
    assert "alps · " in log
    assert "demo@example.org 1 free" in await words(page, "#slots")
    assert "demo@example.org" in await words(page, "#accounts")
    assert await page.get(
        "document.documentElement.scrollHeight"
        " - document.querySelector('footer').getBoundingClientRect().bottom - scrollY < 60"
    ), "nothing comes after the footer"

    await unlock(page, TOKEN)
    await page.until("document.querySelector('#archives .buttons:not([hidden])')")
    await click(page, "Pause alps")
    await page.until("document.getElementById('archives').innerText.includes('paused')")
    await daemon.until("daemon-asked", what="pause", archive="alps", via="HTTP")
    assert (await server.archive("alps")).activity == "paused"
    assert not page.complaints
    assert all(asked.startswith(daemon.url) for asked in page.requests)
