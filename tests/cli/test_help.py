"""Every help text: complete, cheap, with examples that work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from s2fetch.cli.engine import configured
from s2fetch.cli.main import COMMANDS, commands
from s2fetch.cli.options import param_name
from s2fetch.cli.output import Output
from s2fetch.config import SETTINGS
from tests.cli.conftest import Shell


def command(name: str) -> click.Command:
    """A subcommand."""
    found = commands.get_command(click.Context(commands), name)
    assert found is not None
    return found


def help_of(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What ``--help`` prints."""
    commands.main([*words, "--help"], "s2fetch", standalone_mode=False, obj=Output())
    return capsys.readouterr().out


def examples_of(text: str) -> list[list[str]]:
    """The commands of the examples, without redirections and pipes."""
    joined = re.sub(r" \\\n *", " ", text)
    lines = re.findall(r"^ +s2fetch (.*)$", joined, re.MULTILINE)
    return [shlex.split(re.split(r" [|>] ", line)[0]) for line in lines]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples_that_work(
    name: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The arguments are understood, and those that make a configuration make a valid one."""
    monkeypatch.chdir(tmp_path)
    Path("archive.toml").write_text('into = "archive"\nfrom = 2024-06-01\n')
    Path("daemon.toml").write_text('[[archives]]\nname = "alps"\ninto = "alps"\n')
    examples = examples_of(help_of(name, capsys=capsys))
    assert examples
    for called, *arguments in examples:
        assert called == name
        context = command(name).make_context(name, arguments, obj=Output())
        if "archive" in context.params and name != "demo":
            params = dict(context.params)
            configured(Output(), params.pop("archive"), params)


def test_the_main_help_has_examples_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    """Each names a command, and all commands are listed."""
    text = help_of(capsys=capsys)
    assert {called for called, *_ in examples_of(text)} <= set(COMMANDS)
    for name, (_, told) in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(told)}$", text, re.MULTILINE)
        assert command(name).short_help == told


def test_every_setting_is_an_option_of_sync(capsys: pytest.CaptureFixture[str]) -> None:
    """Under the heading of its group, with its own name."""
    text = help_of("sync", capsys=capsys)
    names = {param.name for param in command("sync").params}
    for setting in SETTINGS:
        assert param_name(setting.name) in names
        assert re.search(rf"^  {setting.option}( |$)", text, re.MULTILINE)
        assert f"\n{setting.group}:\n" in text


def test_help_imports_nothing_of_the_engine() -> None:
    """So that it is faster than importing the HTTP library alone."""
    script = (
        "import sys\nfrom s2fetch.cli.main import run\n"
        "run(['--help'])\n"
        "print([m for m in sys.argv[1:] if m in sys.modules], file=sys.stderr)"
    )
    heavy = ("aiohttp", "asyncio", "anyio", "msgspec", "structlog", "rich", "shapely")
    done = subprocess.run(
        [sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True
    )
    assert "Usage: s2fetch" in done.stdout
    assert done.stderr.strip() == "[]"


def test_help_of_sync_imports_no_network() -> None:
    """The table of settings is enough."""
    script = (
        "import sys\nfrom s2fetch.cli.main import run\n"
        "run(['sync', '--help'])\n"
        "print([m for m in sys.argv[1:] if m in sys.modules], file=sys.stderr)"
    )
    heavy = ("aiohttp", "asyncio", "anyio", "structlog", "rich", "shapely")
    done = subprocess.run(
        [sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("arguments", ["--help", "--version", "sync --help"])
async def test_help_that_nobody_reads_is_no_defect(shell: Shell, arguments: str) -> None:
    """As in ``| true``; exit code 1 would ask for a report."""
    readers, written = os.pipe()
    os.close(readers)
    done = await shell.run(*arguments.split(), stdout=written)
    os.close(written)
    assert (done.code, done.err) == (0, "")
