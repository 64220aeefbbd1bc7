"""Whether a daemon lives: its event loop turns, and its engine moves when it has work."""

from __future__ import annotations

from s2fetch.daemon.state import DaemonState
from s2fetch.units import format_duration

LOOP_DELAY_LIMIT = 5.0
"""Seconds by which the event loop may be late."""
STALL_LIMIT = 900.0
"""Seconds for which the engine may have work without any progress."""


def ailments(
    state: DaemonState,
    *,
    loop_delay_limit: float = LOOP_DELAY_LIMIT,
    stall_limit: float = STALL_LIMIT,
) -> tuple[str, ...]:
    """Why it does not live, in words; nothing when it does."""
    found = []
    if state.loop_delay_seconds > loop_delay_limit:
        found.append(f"the event loop was {format_duration(state.loop_delay_seconds)} late")
    if state.stalled_seconds > stall_limit:
        still = format_duration(state.stalled_seconds)
        found.append(f"the engine has work and has not moved for {still}")
    return tuple(found)
