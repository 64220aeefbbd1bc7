"""``s2fetch daemon``: keep archives current, on a server, without a person."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2fetch.cli.options import GroupedCommand
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.daemon.service import Service

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
                loop = asyncio.get_running_loop()
                stop = _Stop(service)
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, stop)
                loop.add_signal_handler(signal.SIGHUP, group.start_soon, service.reload)
                for archive in config.archives:
                    for note in archive.config.area_notes:
                        output.warn(f"{archive.name}: {note}")
                await service.run(lambda url: output.say(f"The dashboard is at {url}"))
                group.cancel_scope.cancel()

    anyio.run(main)
    return ExitCode.OK


class _Stop:
    """The first signal stops the daemon in good order, the second at once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._asked = False

    def __call__(self) -> None:
        if self._asked:
            sys.stderr.flush()
            os._exit(ExitCode.TERMINATED)
        self._asked = True
        self._service.daemon.stop()
