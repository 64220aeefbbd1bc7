"""The face over a daemon that stands still, and somebody who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from s2fetch.daemon.http import HttpFace, HttpSettings
from tests.clock import FakeClock
from tests.daemon.controls import NOW, StillDaemon

TOKEN = "0123456789abcdef-correct-horse-battery"
READ_TOKEN = "fedcba9876543210-correct-horse-battery"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
WITH_READ_TOKEN = {"Authorization": f"Bearer {READ_TOKEN}"}

FaceFactory = Callable[..., Awaitable[HttpFace]]


@pytest.fixture
def daemon() -> StillDaemon:
    return StillDaemon()


def local(url: str) -> str:
    """Where this machine reaches a face that listens on all its addresses."""
    return url.replace("0.0.0.0", "127.0.0.1")


def _secret_file(path: Path, token: str) -> Path:
    path.write_text(token + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return _secret_file(tmp_path / "http-token", TOKEN)


@pytest.fixture
def read_token_file(tmp_path: Path) -> Path:
    return _secret_file(tmp_path / "http-read-token", READ_TOKEN)


@pytest.fixture
async def faces(daemon: StillDaemon) -> AsyncIterator[FaceFactory]:
    """Starts faces: ``await faces(token_file=…)``; on loopback and any port unless told."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> HttpFace:
            given = HttpSettings(**{"port": 0, "tick": 0.05, **settings})
            face = HttpFace(daemon, given, clock=FakeClock(NOW))
            return await stack.enter_async_context(face)

        yield start


@pytest.fixture
async def face(faces: FaceFactory, token_file: Path) -> HttpFace:
    """A face on loopback with a token."""
    return await faces(token_file=token_file)
