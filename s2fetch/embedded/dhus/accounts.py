"""What the hub keeps per user: flows, downloads in the window, metered searches.

Source: the download limits and the processing valve of the open DHuS core.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from s2fetch.clock import Clock
from s2fetch.embedded.dhus.refusals import STREAM, Refusal
from s2fetch.embedded.dhus.settings import DhusSettings
from s2fetch.embedded.dhus.stats import DhusStats
from s2fetch.embedded.identity import User

METERED = re.compile(r".*(rows|\$top)=0*[1-9]\d{2,}.*")
METERING_SECONDS = 3600.0


class Accounts:
    """Users and what they used.

    Args:
        users: Who may log in. One that is not ``entitled`` may not download, one that is
            ``incomplete`` may do nothing.
        clock: Time of the windows.
        stats: What was counted.
    """

    def __init__(self, users: Iterable[User], clock: Clock, stats: DhusStats) -> None:
        self._users = {user.name: user for user in users}
        self._clock = clock
        self._stats = stats
        self._downloads: dict[str, deque[tuple[float, int]]] = {}
        self._searches: dict[str, deque[float]] = {}

    def user(self, request: web.Request) -> User | None:
        """Who sends a request with Basic credentials; None for nobody known."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = base64.b64decode(text).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user = self._users.get(name)
        if not colon or user is None or user.password != password or user.disabled:
            return None
        return user

    def metered(self, user: User, target: str, settings: DhusSettings) -> bool:
        """Count a request if it is metered; False where the user has none left."""
        if settings.metered_searches is None or METERED.fullmatch(target) is None:
            return True
        now = self._clock.monotonic()
        used = self._searches.setdefault(user.name, deque())
        while used and used[0] <= now - METERING_SECONDS:
            used.popleft()
        if len(used) >= settings.metered_searches:
            return False
        used.append(now)
        self._stats.count(self._stats.metered, user.name)
        return True

    @asynccontextmanager
    async def flow(self, user: User, size: int, settings: DhusSettings) -> AsyncIterator[None]:
        """A download of so many bytes, charged in full before its first.

        Raises:
            Refusal: One of the user's limits is met.
        """
        running = self._stats.open_bodies
        self._check(user.name, size, settings)
        self._downloads[user.name].append((self._clock.monotonic(), size))
        self._stats.count(self._stats.downloads, user.name)
        self._stats.count(running, user.name)
        most = self._stats.most_open_bodies
        most[user.name] = max(most.get(user.name, 0), running[user.name])
        try:
            yield
        finally:
            if settings.flow_release_seconds:
                loop = asyncio.get_running_loop()
                delay = settings.flow_release_seconds
                loop.call_later(delay, self._stats.count, running, user.name, -1)
            else:
                self._stats.count(running, user.name, -1)

    def _check(self, name: str, size: int, settings: DhusSettings) -> None:
        if self._stats.open_bodies.get(name, 0) >= settings.most_flows:
            _refuse(f"Maximum number of {settings.most_flows} concurrent flows achieved", name)
        if settings.most_flow_bytes is not None and size > settings.most_flow_bytes:
            limit = settings.most_flow_bytes
            _refuse(f"Maximum size of {limit} bytes for a single flow achieved", name)
        used = self._downloads.setdefault(name, deque())
        while used and used[0][0] <= self._clock.monotonic() - settings.download_window_seconds:
            used.popleft()
        if settings.most_downloads is not None and len(used) >= settings.most_downloads:
            _refuse(f"Maximum number of download ({len(used)}) exceeded", name)
        volume = size + sum(count for _, count in used)
        if settings.most_download_bytes is not None and volume > settings.most_download_bytes:
            _refuse(f"Maximum size of download ({volume}) exceeded", name)


def _refuse(limit: str, name: str) -> None:
    raise Refusal(403, f'{STREAM}{limit} by the user "{name}"', "MediaRegulationException")
