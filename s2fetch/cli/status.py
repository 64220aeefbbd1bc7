"""``s2fetch status``: the state of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.sync.status import Status

EXAMPLES = """\b
Examples:
  s2fetch status archive.toml
  s2fetch status --into archive
  s2fetch status daemon.toml:alps
  s2fetch status --into archive --json

Exit code 0 whatever the state is; the last run's own is in the output.
"""


@click.command(
    cls=GroupedCommand,
    params=[archive_argument(), *setting_options(names=("into",))],
    short_help="Tell the state of an archive.",
    epilog=EXAMPLES,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object")
@click.pass_obj
def command(output: Output, /, archive: str | None, as_json: bool, **params: object) -> int:
    """Tell what is complete, what waits or failed and why, and what the last run did.

    Asks nothing of the network, and can be used while a sync is running.
    """
    import msgspec

    from s2fetch.cli.status_text import status_text
    from s2fetch.events import EventBus

    config = configured(output, archive, params)

    async def work(client: Client) -> Status:
        return await client.status()

    status, interrupted = run(work, config, output, EventBus())
    if status is None:
        return int(interrupted or ExitCode.INTERRUPTED)
    if as_json:
        output.result(msgspec.json.format(msgspec.json.encode(status), indent=2).decode())
    else:
        output.result(status_text(status))
    return ExitCode.OK
