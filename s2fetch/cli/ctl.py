"""``s2fetch ctl``: ask a running daemon, or tell it what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2fetch.cli.output import Output
from s2fetch.errors import DaemonUnreachableError, UsageError

if TYPE_CHECKING:
    from s2fetch.daemon.control_messages import Request

ACTIONS = ("status", "pause", "resume", "sync", "reload", "stop")
_WITH_ARCHIVE = ("pause", "resume", "sync")
_DONE = {
    "pause": "Paused {what}; downloads that are under way come to their end.",
    "resume": "Resumed {what}.",
    "sync": "A run of {what} begins when it is its turn; a paused one, when it is resumed.",
    "reload": "The configuration was read again and is in force.",
    "stop": "The daemon is stopping; part files stay resumable.",
}
ANSWER_SECONDS = 150.0
"""More than the daemon takes before it gives a request up."""

EXAMPLES = """\b
Examples:
  s2fetch ctl status
  s2fetch ctl status --json
  s2fetch ctl status --check
  s2fetch ctl pause dolomites
  s2fetch ctl resume
  s2fetch ctl sync dolomites
  s2fetch ctl reload --socket /run/s2fetch/control.sock

Exit codes: 0 it was done, 2 the daemon refused it (an unknown archive, a bad configuration),
10 no daemon answers, or with --check one that hangs.
"""


@click.command(short_help="Ask a running daemon, or tell it what to do.", epilog=EXAMPLES)
@click.argument("action", type=click.Choice(ACTIONS), metavar="ACTION")
@click.argument("name", required=False, metavar="[ARCHIVE]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object")
@click.option(
    "--check",
    is_flag=True,
    help="With status: the exit code is 10 also when the daemon answers and hangs",
)
@click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The daemon's control socket [default: s2fetch/control.sock below XDG_RUNTIME_DIR, or "
    "else below /run]",
)
@click.pass_obj
def command(
    output: Output,
    /,
    action: str,
    name: str | None,
    as_json: bool,
    check: bool,
    path: Path | None,
) -> int:
    """Ask a running daemon, or tell it what to do.

    ACTION is status; pause or resume, for one ARCHIVE or for all; sync ARCHIVE, which begins a run
    now; reload, which reads the configuration again; or stop.
    """
    import msgspec

    from s2fetch.daemon.control_client import ask
    from s2fetch.daemon.control_socket import client_paths

    if check and action != "status":
        raise UsageError("--check is for status")
    request = _request(action, name)
    paths = client_paths(os.environ) if path is None else (path,)
    answer = ask(request, paths, seconds=ANSWER_SECONDS)
    if answer.error is not None:
        failure = answer.error
        output.failure(failure.message, code=failure.code, exit_code=failure.exit_code)
        return failure.exit_code
    if as_json:
        shown = answer if answer.state is None else answer.state
        output.result(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
    elif answer.state is not None:
        from s2fetch.cli.ctl_text import daemon_text

        output.result(daemon_text(answer.state))
    else:
        output.result(_DONE[action].format(what=name or "all archives"))
        if answer.needs_restart:
            output.warn(f"only a restart of the daemon brings: {answer.needs_restart}")
    if check and answer.state is not None:
        from s2fetch.daemon.liveness import ailments

        if found := ailments(answer.state):
            raise DaemonUnreachableError(f"the daemon answers, but {' and '.join(found)}")
    return 0


def _request(action: str, name: str | None) -> Request:
    from s2fetch.daemon.control_messages import Command, Request

    if name and action not in _WITH_ARCHIVE:
        raise UsageError(f"{action} concerns the whole daemon: leave {name} out")
    if action == "sync" and not name:
        raise UsageError("sync needs an archive", advice="Write: s2fetch ctl sync ARCHIVE")
    return Request(command=Command(action), archive=name or "")
