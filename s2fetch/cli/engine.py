"""Runs the engine for a command: configuration, client, event loop, interruption."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from s2fetch.cli.options import option_values
from s2fetch.cli.output import Output
from s2fetch.cli.signals import Interruption
from s2fetch.paths import is_file, is_there

if TYPE_CHECKING:
    from anyio import CancelScope

    from s2fetch.client import Client
    from s2fetch.config.values import Config
    from s2fetch.daemon.values import ArchiveEntry
    from s2fetch.errors import ExitCode
    from s2fetch.events import EventBus

T = TypeVar("T")

GOODBYE_SECONDS = 3.0
"""How long an interrupted command may take to log out and close its connections."""


def configured(output: Output, archive: str | None, params: Mapping[str, object]) -> Config:
    """The configuration from file, environment and options.

    Raises:
        UsageError: Something is wrong with it.
    """
    from s2fetch.config import load_config

    options = option_values(params)
    output.take_options(options)
    entry = kept_archive(archive, params)
    if entry is not None:
        config = entry.config
    else:
        path = None if archive is None else Path(archive)
        config = load_config(path, options, os.environ, datetime.now(UTC))
    output.follow(config.showing)
    return config


def kept_archive(archive: str | None, params: Mapping[str, object]) -> ArchiveEntry | None:
    """The archive of a daemon's file, ``daemon.toml:alps``; None when a file is no daemon's.

    The name may be left out where the file has one archive only.

    Raises:
        UsageError: Something is wrong with the file, or it has no such archive.
    """
    if archive is None:
        return None
    file, _, name = archive.rpartition(":")
    if not file or is_there(archive):
        file, name = archive, ""
    if not is_file(file):
        return None  # what is wrong with it is told by whoever reads it as an archive's
    from s2fetch.daemon.config import is_daemon_file, load_daemon_archive

    if not name and not is_daemon_file(file):
        return None
    return load_daemon_archive(file, name, option_values(params), os.environ, datetime.now(UTC))


def run(
    work: Callable[[Client], Awaitable[T]], config: Config, output: Output, bus: EventBus
) -> tuple[T | None, ExitCode | None]:
    """Do something with a client until it is done or a signal ends it.

    Args:
        work: What to do; it is cancelled by the first signal.
        config: For the client.
        output: What to leave in order when a second signal ends the process.
        bus: For the client.

    Returns:
        What the work returned and None; or None and the exit code the signal asks for.
    """
    import asyncio

    import anyio

    from s2fetch.cli.tuning import tune_process
    from s2fetch.client import Client

    tune_process()
    interruption = Interruption(output.restore_terminal)
    result: T | None = None
    finished = False

    async def main() -> None:
        nonlocal result, finished
        loop = asyncio.get_running_loop()
        with anyio.CancelScope() as goodbye:
            async with Client(config, events=bus) as client:
                with anyio.CancelScope() as scope:
                    cancel = partial(_cancel, client, scope, interruption)
                    with interruption.stopping(partial(loop.call_soon_threadsafe, cancel)):
                        result = await work(client)
                        finished = True
                if not finished:
                    goodbye.deadline = anyio.current_time() + GOODBYE_SECONDS

    with interruption.received():
        anyio.run(main)
    return result, None if finished else interruption.exit_code


def _cancel(client: Client, scope: CancelScope, interruption: Interruption) -> None:
    if interruption.exit_code is not None:
        client.will_be_cancelled(interruption.exit_code)
    scope.cancel()
