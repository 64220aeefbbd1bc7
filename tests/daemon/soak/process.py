"""The daemon's process: ``python -m tests.daemon.soak.process DAEMON.toml EVENTS``.

Everything is as in ``s2fetch daemon``, but for the clock: it follows another one over the socket
that is standard input. What looks at something every minute does so every few hours, so that a day
is over sooner.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec

from s2fetch.cli.log import fields_of
from s2fetch.cli.tuning import GivesBack, tune_process
from s2fetch.daemon import agenda, daemon, intake, keeper, service
from s2fetch.daemon.config import load_daemon_config
from s2fetch.daemon.events import KeeperFailed
from s2fetch.daemon.service import Service
from s2fetch.events import (
    Event,
    GapFound,
    HubPaused,
    ProductCompleted,
    ProductFailed,
    ProductWithdrawn,
    SpaceBack,
    SpaceLow,
)
from s2fetch.sync import space
from tests.daemon.soak.clock import FollowingClock

TOLD = (
    ProductCompleted,
    ProductFailed,
    ProductWithdrawn,
    GapFound,
    KeeperFailed,
    HubPaused,
    SpaceLow,
    SpaceBack,
)
GIVE_BACK_SECONDS = 0.02
"""In real time, as this timer does not go by the clock."""
MINUTE = 60.0
TWO_HOURS = 7200.0


def patch_looks() -> None:
    """Look at things more rarely."""
    agenda.LOOK_SECONDS = TWO_HOURS
    space.POLL_SECONDS = MINUTE
    keeper.SCRUB_SECONDS = TWO_HOURS
    daemon.PACE_SECONDS = TWO_HOURS
    intake.POLL_SECONDS = TWO_HOURS
    service.LOOK_SECONDS = TWO_HOURS


async def main(file: Path, events: Path) -> None:
    """Run until stopped, or killed."""
    connection = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    clock = FollowingClock(connection, lambda: (0, True))
    with events.open("ab", buffering=0) as told:

        def tell(event: Event) -> None:
            if isinstance(event, TOLD):
                line = {"event": event.name} | dict(fields_of(event))
                told.write(msgspec.json.encode(line, enc_hook=str) + b"\n")

        async with clock:
            config = load_daemon_config(file, os.environ, clock.now())
            running = Service(
                file,
                config,
                environ=os.environ,
                home=Path.home(),
                user=os.getuid(),
                clock=clock,
            )
            kept = running.daemon
            kept.events.subscribe(tell)
            kept.events.subscribe(GivesBack(GIVE_BACK_SECONDS))
            clock.look = lambda: (kept.heartbeat.beats, not kept.is_idle)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, kept.stop)
            await running.run(lambda _: clock.begin())


if __name__ == "__main__":
    tune_process()
    patch_looks()
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
