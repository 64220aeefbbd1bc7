"""Which subscription an archive has at its hub, remembered over restarts.

An account may have very few. Of one whose selection has changed meanwhile, nobody but its archive
knows that it is no longer wanted.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio

from s2fetch.archive.durable import replace_atomically, translating

FOLDER = "subscriptions"
"""Of the state folder."""


class Subscribed:
    """The subscription of one archive.

    Args:
        state_folder: Where it is remembered.
        root: The archive's folder.
    """

    def __init__(self, state_folder: Path, root: Path) -> None:
        digest = hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:16]
        self._path = state_folder / FOLDER / digest

    def __repr__(self) -> str:
        return f"<Subscribed {self._path}>"

    async def read(self) -> str:
        """Its identifier, or an empty text.

        Raises:
            ArchiveError: If it cannot be read.
        """
        return await anyio.to_thread.run_sync(self._read)

    async def write(self, subscription: str) -> None:
        """Remember another one.

        Raises:
            ArchiveError: If it cannot be written.
        """
        await anyio.to_thread.run_sync(self._write, subscription)

    def _read(self) -> str:
        with translating(self._path):
            try:
                return self._path.read_text(errors="replace").strip()
            except FileNotFoundError:
                return ""

    def _write(self, subscription: str) -> None:
        with translating(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_atomically(self._path, [subscription.encode() + b"\n"])
