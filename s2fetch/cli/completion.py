"""``s2fetch completion``: the completion script of a shell."""

from __future__ import annotations

import click

from s2fetch.cli.output import Output

EXAMPLES = """\b
Examples:
  s2fetch completion bash > ~/.local/share/bash-completion/completions/s2fetch
  s2fetch completion zsh > ~/.zfunc/_s2fetch
  s2fetch completion fish > ~/.config/fish/completions/s2fetch.fish
"""


@click.command(short_help="Print the completion script of a shell.", epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def command(output: Output, /, shell: str) -> None:
    """Print the script that completes commands, options, values and files of s2fetch."""
    from click.shell_completion import get_completion_class

    from s2fetch.cli.main import commands

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    output.result(found(commands, {}, "s2fetch", "_S2FETCH_COMPLETE").source())
