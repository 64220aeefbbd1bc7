"""Looking at the dashboard and using it, as its tests do."""

from __future__ import annotations

import msgspec
import pytest

from s2fetch.daemon.http import HttpFace
from tests.daemon.http.browser import Page, chromium
from tests.daemon.http.conftest import TOKEN

needs_chromium = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")

SHOWN = (
    "document.querySelector('.map') && document.querySelector('.calendar')"
    " && document.querySelector('.chart') && document.querySelector('#products tbody tr')"
    " && document.getElementById('live').dataset.state === 'live'"
    " && !document.getElementById('lock').hidden"
)


async def shown(page: Page, face: HttpFace) -> None:
    """Open the page and wait until everything is there."""
    await page.open(face.url)
    await page.until(SHOWN)


async def words(page: Page, selector: str) -> str:
    """The text of an element as it is seen."""
    quoted = msgspec.json.encode(selector).decode()
    found: str = await page.get(f"document.querySelector({quoted}).innerText")
    return " ".join(found.split())


async def unlock(page: Page, token: str = TOKEN) -> None:
    """Give the page a token."""
    await page.get("document.getElementById('lock').click()")
    await page.get(
        f"document.getElementById('token').value = {msgspec.json.encode(token).decode()};"
        "document.getElementById('unlock-form').requestSubmit()"
    )


async def click(page: Page, name: str) -> None:
    """Click the button with that accessible name."""
    quoted = msgspec.json.encode(name).decode()
    await page.get(
        "[...document.querySelectorAll('button')].find((one) =>"
        f" (one.getAttribute('aria-label') ?? one.innerText) === {quoted}).click()"
    )
