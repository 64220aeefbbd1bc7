"""Two questions of those who watch: is the daemon alive, and can it work?"""

from __future__ import annotations

import msgspec

from s2fetch.daemon.http.settings import HttpSettings
from s2fetch.daemon.liveness import ailments
from s2fetch.daemon.state import DaemonState
from s2fetch.units import format_size


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the daemon lives: its event loop turns and its engine moves.

    Attributes:
        alive: The answer; false comes with status 503.
        loop_delay_seconds: How late the event loop is, at worst over the last minute.
        stalled_seconds: How long the engine has had work and made no progress.
        reasons: Why not.
    """

    alive: bool
    loop_delay_seconds: float
    stalled_seconds: float
    reasons: tuple[str, ...] = ()


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps the daemon from working.

    Attributes:
        check: ``hub``, ``disk``, ``account`` or ``stopping``.
        subject: The archive or account, or empty.
        detail: What is the matter.
    """

    check: str
    subject: str
    detail: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the daemon can work; false comes with status 503."""

    ready: bool
    reasons: tuple[Reason, ...] = ()


def health_of(state: DaemonState, settings: HttpSettings) -> Health:
    """Whether it lives."""
    reasons = ailments(
        state, loop_delay_limit=settings.loop_delay_limit, stall_limit=settings.stall_limit
    )
    return Health(
        alive=not reasons,
        loop_delay_seconds=state.loop_delay_seconds,
        stalled_seconds=state.stalled_seconds,
        reasons=reasons,
    )


def readiness_of(state: DaemonState) -> Readiness:
    """Whether it can work: hub reachable, disks above their floors, accounts valid."""
    reasons = []
    if state.stopping:
        reasons.append(Reason(check="stopping", subject="", detail="the daemon is about to end"))
    if not state.hub_reachable:
        reasons.append(Reason(check="hub", subject="", detail=state.hub_trouble))
    reasons += [
        Reason(
            check="disk",
            subject=archive.name,
            detail=f"{format_size(archive.free_bytes)} are free, "
            f"and {format_size(archive.floor_bytes)} are to be left",
        )
        for archive in state.archives
        if archive.free_bytes < archive.floor_bytes
    ]
    reasons += [
        Reason(check="account", subject=account.name, detail=account.refused)
        for account in state.accounts
        if account.refused
    ]
    return Readiness(ready=not reasons, reasons=tuple(reasons))
