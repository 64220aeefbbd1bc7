"""The token of those who watch: it sees everything and changes nothing."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from s2fetch.daemon.http import HttpFace
from s2fetch.errors import UsageError
from tests.daemon.controls import StillDaemon
from tests.daemon.http.browser import Page
from tests.daemon.http.conftest import (
    READ_TOKEN,
    TOKEN,
    WITH_READ_TOKEN,
    WITH_TOKEN,
    FaceFactory,
    local,
)
from tests.daemon.http.dashboard import SHOWN, needs_chromium, shown, unlock, words
from tests.daemon.http.test_security import CHANGES, READABLE

OTHER_TOKEN = "another-token-of-sufficient-length"


@pytest.fixture
async def face(faces: FaceFactory, token_file: Path, read_token_file: Path) -> HttpFace:
    """A face on the network with both tokens."""
    return await faces(host="0.0.0.0", token_file=token_file, read_token_file=read_token_file)


@pytest.mark.parametrize("path", READABLE)
async def test_it_reads(face: HttpFace, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(local(face.url) + path) as answer:
        assert answer.status == 401
    for headers in (WITH_READ_TOKEN, WITH_TOKEN):
        async with http.get(local(face.url) + path, headers=headers) as answer:
            assert answer.status in (200, 503)


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_it_changes_nothing_on_loopback_neither(
    faces: FaceFactory,
    token_file: Path,
    read_token_file: Path,
    daemon: StillDaemon,
    http: aiohttp.ClientSession,
    path: str,
    host: str,
) -> None:
    face = await faces(host=host, token_file=token_file, read_token_file=read_token_file)
    async with http.post(local(face.url) + path, headers=WITH_READ_TOKEN) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (403, "read-only-token")
    assert "token-file" in problem["detail"]
    assert daemon.asked == []
    async with http.post(local(face.url) + path, headers=WITH_TOKEN) as answer:
        assert answer.status < 300
    assert daemon.asked


async def test_it_may_be_the_only_one(
    faces: FaceFactory, read_token_file: Path, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    """Then nothing can be changed over HTTP at all."""
    face = await faces(host="0.0.0.0", read_token_file=read_token_file)
    async with http.get(f"{local(face.url)}/metrics", headers=WITH_TOKEN) as answer:
        assert answer.status == 401
    async with http.get(f"{local(face.url)}/api/v1/access", headers=WITH_READ_TOKEN) as answer:
        assert await answer.json() == {"changes": False, "token": False}
    async with http.post(f"{local(face.url)}/api/v1/pause", headers=WITH_READ_TOKEN) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (403, "no-token-configured")
    assert daemon.asked == []


async def test_the_daemon_says_what_a_token_is_good_for(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    url = f"{local(face.url)}/api/v1/access"
    async with http.get(url, headers=WITH_READ_TOKEN) as answer:
        assert await answer.json() == {"changes": False, "token": True}
    async with http.get(url, headers=WITH_TOKEN) as answer:
        assert await answer.json() == {"changes": True, "token": True}


async def test_one_token_for_both_is_refused(
    faces: FaceFactory, token_file: Path, read_token_file: Path
) -> None:
    """Whoever thinks to have given away the right to read would have given away everything."""
    read_token_file.write_text(TOKEN)
    with pytest.raises(UsageError, match="the same token"):
        await faces(token_file=token_file, read_token_file=read_token_file)


async def test_an_open_file_is_refused(faces: FaceFactory, read_token_file: Path) -> None:
    read_token_file.chmod(0o644)
    with pytest.raises(UsageError, match="others can read"):
        await faces(read_token_file=read_token_file)


async def test_a_new_one_counts_after_reload_and_ends_streams(
    face: HttpFace, read_token_file: Path, http: aiohttp.ClientSession
) -> None:
    stream = await http.get(f"{local(face.url)}/api/v1/events", headers=WITH_READ_TOKEN)
    read_token_file.write_text(OTHER_TOKEN)
    await face.reload()
    await stream.content.read()
    for token, status in ((READ_TOKEN, 401), (OTHER_TOKEN, 200), (TOKEN, 200)):
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{local(face.url)}/metrics", headers=headers) as answer:
            assert answer.status == status


@needs_chromium
async def test_the_page_shows_all_and_offers_nothing(face: HttpFace, page: Page) -> None:
    """To give it where all can be read already is told to be of no use."""
    await page.open(local(face.url))
    await page.until("document.getElementById('unlock').open")
    await unlock(page, READ_TOKEN)
    await page.until(SHOWN)
    assert await words(page, "#lock") == "Unlock controls"
    await unlock(page, READ_TOKEN)
    await page.until("document.getElementById('unlock-error').innerText.includes('change nothing')")
    await unlock(page)
    await page.until("document.getElementById('lock').innerText === 'Lock controls'")


@needs_chromium
async def test_the_page_of_loopback_does_not_keep_it(
    faces: FaceFactory, token_file: Path, read_token_file: Path, page: Page
) -> None:
    await shown(page, await faces(token_file=token_file, read_token_file=read_token_file))
    await unlock(page, READ_TOKEN)
    await page.until("document.getElementById('unlock-error').innerText.includes('change nothing')")
    assert await page.get("sessionStorage.length") == 0
