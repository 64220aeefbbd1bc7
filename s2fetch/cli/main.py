"""The command ``s2fetch``: finds the subcommand, runs it, turns what happens into an exit code."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from s2fetch import __version__
from s2fetch.errors import ExitCode, S2FetchError

if TYPE_CHECKING:
    from s2fetch.cli.output import Output

COMMANDS = {
    "sync": ("s2fetch.cli.sync", "Fetch everything that matches and is not on disk."),
    "search": ("s2fetch.cli.search", "List what matches."),
    "products": ("s2fetch.cli.products", "List collections, product types and attributes."),
    "status": ("s2fetch.cli.status", "Tell the state of an archive."),
    "verify": ("s2fetch.cli.verify", "Hash what is on disk again."),
    "scrub": ("s2fetch.cli.scrub", "Hash a part of it again, oldest proof first."),
    "audit": ("s2fetch.cli.audit", "Compare catalogue and archive; list every gap."),
    "explain": ("s2fetch.cli.explain", "Tell all that is known of one product."),
    "login": ("s2fetch.cli.login", "Check the credentials; say whose slots are in use."),
    "hub": ("s2fetch.cli.hub", "Serve a folder of products as a small hub."),
    "demo": ("s2fetch.cli.demo", "Show a sync without an account."),
    "daemon": ("s2fetch.cli.daemon", "Keep several archives current on a server."),
    "ctl": ("s2fetch.cli.ctl", "Ask a running daemon, or tell it what to do."),
    "completion": ("s2fetch.cli.completion", "Print the completion script of a shell."),
}
"""Module and first line of help of each command: modules are imported when they are needed."""

EPILOG = """\b
Examples:
  s2fetch search --product-type S2MSI1C --tile 32TQM --from 2024-06-01 --to 2024-07-01
  s2fetch sync archive.toml
  s2fetch sync --help

Credentials come from S2FETCH_USER and S2FETCH_PASSWORD, a credentials file, ~/.netrc or the
system keyring. "s2fetch demo" needs none.
"""


class LazyCommands(click.Group):
    """The commands; only the one that is run is imported, which keeps --help fast."""

    def invoke(self, ctx: click.Context) -> object:
        """Run one; a reader who has had enough, as in ``| head``, is no failure of it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return ExitCode.OK

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names, most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one."""
        if cmd_name not in COMMANDS:
            return None
        found = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(found, click.Command)  # noqa: S101 - a fixed table
        found.name = cmd_name
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Say of an option that is none of ours where those of the commands belong."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            told = (
                f"No such option {error.option_name!r} before a command. "
                "Its options come after it: s2fetch sync --into archive"
            )
            raise click.UsageError(told, ctx) from None
        except BrokenPipeError:  # of --help and --version, as in `invoke`
            ctx.exit()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one was meant."""
        name = args[0]
        if name in COMMANDS or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from s2fetch.vocabulary import suggestion

        if name.endswith(".toml"):
            advice = f"Did you mean s2fetch sync {name}?"
        else:
            advice = suggestion(name, list(COMMANDS))
        raise click.UsageError(f"No such command {name!r}. {advice}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])


@click.group(
    cls=LazyCommands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="s2fetch", message="%(prog)s %(version)s")
def commands() -> None:
    """Keep a local archive of Copernicus Sentinel products complete, verified and current."""


def main() -> NoReturn:
    """Run the command line and exit."""
    code = run(sys.argv[1:])
    # All is closed and flushed; to free the memory piece by piece would take longer than many runs.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; what it prints is flushed.

    Returns:
        The exit code.
    """
    gc.disable()  # imports make much that stays and nothing to collect; `tune_process` enables it
    _guard_standard_files()
    code = _run(arguments)
    gc.enable()
    _flush()
    return code


def _run(arguments: Sequence[str]) -> int:
    from s2fetch.cli.output import Output, unwritable

    output = Output()
    try:
        result = commands.main(list(arguments), "s2fetch", standalone_mode=False, obj=output)
        return result if isinstance(result, int) else ExitCode.OK
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except S2FetchError as error:
        output.error(error)
        return error.exit_code
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            return _defect(output, error)
        full = unwritable(error)  # what an archive's disk refuses has become another error before
        output.error(full)
        return full.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a defect of ours
        return _defect(output, error)


def _defect(output: Output, error: Exception) -> int:
    output.defect(error)
    return ExitCode.BUG


def _guard_standard_files() -> None:
    """Keep descriptors 0 to 2 from becoming an archive's files, and any text printable."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Flush what is printed; a reader that has gone must not turn the exit code into another."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
