"""A pause that somebody ordered: on or off, and something to wait for."""

from __future__ import annotations

import anyio


class Pause:
    """On while any of its reasons holds, such as an operator's order for one archive or for all."""

    def __init__(self) -> None:
        self._reasons: set[str] = set()
        self._over = anyio.Event()
        self._over.set()

    @property
    def is_on(self) -> bool:
        """Whether there is a reason to pause."""
        return bool(self._reasons)

    @property
    def why(self) -> str:
        """The reasons, for people; empty when there is none."""
        return ", ".join(sorted(self._reasons))

    def order(self, reason: str) -> None:
        """Begin, or add a reason."""
        if not self._reasons:
            self._over = anyio.Event()
        self._reasons.add(reason)

    def lift(self, reason: str) -> None:
        """Take a reason away; without any, everybody goes on."""
        self._reasons.discard(reason)
        if not self._reasons:
            self._over.set()

    async def over(self) -> None:
        """Return when there is no reason."""
        await self._over.wait()
