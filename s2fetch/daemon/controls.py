"""What can be asked of a running daemon, by whichever face: socket, API, page, signals."""

from __future__ import annotations

from typing import Protocol

from s2fetch.daemon.state import DaemonState, DayCoverage, ProductRow, Throughput
from s2fetch.events import EventBus


class Controls(Protocol):
    """A running daemon. All methods are called on its event loop.

    Attributes:
        events: Everything that happens in all archives, as it happens.
    """

    events: EventBus

    def state(self) -> DaemonState:
        """The daemon now; cheap, never blocks."""

    async def products(self, archive: str, state: str, *, limit: int) -> list[ProductRow]:
        """Products of one archive in one state, those that are in it longest first.

        Args:
            archive: Its name.
            state: ``queued`` (in the order of work), ``waiting``, ``failed``, ``quarantined`` or
                ``withdrawn``.
            limit: At most so many.

        Raises:
            UsageError: If there is no such archive or state.
        """

    async def coverage(self, archive: str) -> list[DayCoverage]:
        """Products per day of sensing, oldest first; days without any are left out.

        Raises:
            UsageError: If there is no such archive.
        """

    async def footprints(self, archive: str, *, limit: int) -> list[tuple[str, str, str]]:
        """Name, state and footprint (WKT, lon lat) of the products sensed last.

        Raises:
            UsageError: If there is no such archive.
        """

    def throughput(self) -> list[Throughput]:
        """The last hours in steps of five minutes, oldest first."""

    async def pause(self, archive: str = "") -> None:
        """Stop fetching for one archive, or for all; what is under way ends.

        Raises:
            UsageError: If there is no such archive.
        """

    async def resume(self, archive: str = "") -> None:
        """Go on after `pause`.

        Raises:
            UsageError: If there is no such archive.
        """

    async def sync(self, archive: str) -> None:
        """Have a run begin now, whatever the schedule says.

        Raises:
            UsageError: If there is no such archive.
        """

    async def reload(self) -> None:
        """Read the configuration again; a bad one is refused and the old one stays in force.

        Raises:
            UsageError: Names file, line and key of every mistake.
        """

    def stop(self) -> None:
        """End: part files stay resumable."""
