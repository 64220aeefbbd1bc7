"""``s2fetch login``: check the credentials; say whose slots are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.account.login import Login
    from s2fetch.client import Client

EXAMPLES = """\b
Examples:
  s2fetch login
  s2fetch login archive.toml --json

Exit codes: 0 every account works, 3 an account is missing or was refused, 4 the identity
service or the hub cannot be reached.
"""


@click.command(
    cls=GroupedCommand,
    params=[
        archive_argument(),
        *setting_options(
            groups=("Account", "Hub"),
            names=("connect-timeout", "first-byte-timeout", "log-format", "quiet", "verbose"),
        ),
    ],
    short_help="Check the credentials; say whose slots are in use.",
    epilog=EXAMPLES,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each account")
@click.pass_obj
def command(output: Output, /, archive: str | None, as_json: bool, **params: object) -> int:
    """Log every account in and out again, and say who on this machine uses its slots."""
    import msgspec

    from s2fetch.events import EventBus

    config = configured(output, archive, params)

    def tell(login: Login) -> None:
        output.result(msgspec.json.encode(login).decode() if as_json else login_text(login))

    async def work(client: Client) -> list[Login]:
        return await client.login(tell)

    bus = EventBus()
    with output.logging(bus):
        logins, interrupted = run(work, config, output, bus)
    return int(interrupted or ExitCode.INTERRUPTED) if logins is None else ExitCode.OK


def login_text(login: Login) -> str:
    """One account: that it works, and each slot with who holds it."""
    from s2fetch.cli.text import counted, printable
    from s2fetch.units import format_duration

    took = format_duration(login.seconds)
    parts = [f"{printable(login.account)}: logged in in {took}; {counted(login.slots, 'slot')}"]
    for number in range(1, login.slots + 1):
        holder = login.holders.get(number)
        if holder is None:
            parts.append(f"  slot {number}: free")
            continue
        archive = holder.note.get("archive", "")
        told = f" for {archive}" if archive else ""
        parts.append(f"  slot {number}: {printable(f'{holder}{told}')}")
    return "\n".join(parts)
