"""``s2fetch daemon``: keep archives current, on a server, without a person."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import click

from s2fetch.cli.options import GroupedCommand
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

EXAMPLES = """\b
Examples:
  s2fetch daemon config/daemon.toml
  s2fetch daemon daemon.toml --check

SIGTERM ends it, with every part file resumable; SIGHUP reads the file again. config/daemon.toml
explains every key, config/s2fetch.service runs it under systemd. "s2fetch ctl status" asks it how
it is.
"""


@click.command(
    cls=GroupedCommand, short_help="Keep several archives current on a server.", epilog=EXAMPLES
)
@click.argument("file", metavar="DAEMON.toml", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only check the file; the exit code tells")
@click.pass_obj
def command(output: Output, /, file: Path, check: bool) -> int:
    """Keep several archives complete, verified and current until it is told to stop."""
    signals = _Signals()
    if not check:
        signals.receive()

    from s2fetch.daemon.config import load_daemon_config

    # Whoever reads an alert or the dashboard does not know in which folder it was started.
    file = file.absolute()
    config = load_daemon_config(file)
    output.follow(config.showing)
    if check:
        count = len(config.archives)
        output.say(f"{file} is in order: {count} {'archive' if count == 1 else 'archives'}")
        return ExitCode.OK

    import asyncio

    import anyio

    from s2fetch.cli.tuning import GivesBack, tune_process
    from s2fetch.clock import SystemClock
    from s2fetch.daemon.service import Service
    from s2fetch.taskgroups import one_error_task_group

    tune_process()

    async def main() -> None:
        service = Service(
            file,
            config,
            environ=os.environ,
            home=Path.home(),
            user=os.getuid(),
            clock=SystemClock(),
        )
        service.daemon.events.subscribe(GivesBack())
        with output.logging(service.daemon.events):
            async with one_error_task_group() as group:
                soon = asyncio.get_running_loop().call_soon_threadsafe

                def reload() -> None:
                    if not group.cancel_scope.cancel_called:
                        group.start_soon(service.reload)

                for archive in config.archives:
                    for note in archive.config.area_notes:
                        output.warn(f"{archive.name}: {note}")
                with signals.heeded(partial(soon, service.daemon.stop), partial(soon, reload)):
                    await service.run(lambda url: output.say(f"The dashboard is at {url}"))
                    group.cancel_scope.cancel()

    anyio.run(main)
    return ExitCode.OK


class _Signals:
    """SIGTERM and SIGINT stop the daemon, a second one at once; SIGHUP has it read its file again.

    They are received from the first moment on: what comes before the daemon is there is done as
    soon as it is.
    """

    def __init__(self) -> None:
        self._stopping = False
        self._reloading = False
        self._stop: Callable[[], object] | None = None
        self._reload: Callable[[], object] | None = None

    def receive(self) -> None:
        """Receive them until the process ends."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._receive)

    @contextmanager
    def heeded(self, stop: Callable[[], object], reload: Callable[[], object]) -> Iterator[None]:
        """Have signals call these; at once, if they have come already.

        Args:
            stop: Called inside a signal handler, so it must only schedule what is to be done.
            reload: Likewise.
        """
        self._stop, self._reload = stop, reload
        if self._reloading:
            reload()
        if self._stopping:
            stop()
        try:
            yield
        finally:
            self._stop = self._reload = None

    def _receive(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reloading = True
            if self._reload is not None:
                self._reload()
            return
        if self._stopping:
            os._exit(ExitCode.TERMINATED)
        self._stopping = True
        if self._stop is not None:
            self._stop()
