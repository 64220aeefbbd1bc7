"""The README is kept true: its tables come from the code, its example runs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from s2fetch.config import SETTINGS, Setting
from s2fetch.daemon.config import load_daemon_config
from s2fetch.errors import ExitCode
from tests.conftest import HubFactory
from tests.forked import fork_module

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def settings_table() -> str:
    """The table of settings as the README has to have it."""
    lines = ["| setting | default | what it does |", "|---|---|---|"]
    lines += [_row(setting) for setting in SETTINGS]
    return "\n".join(lines)


def _row(setting: Setting[Any]) -> str:
    where = f"`[{setting.table}]` " if setting.table else ""
    default = f"`{setting.default}`" if setting.default else ""
    meaning = setting.help
    if setting.choices and len(setting.choices) < 5:
        meaning += f" ({', '.join(str(choice) for choice in setting.choices)})"
    if setting.variable:
        meaning += f"; `{setting.variable}`"
    return f"| {where}`{setting.name}` | {default} | {meaning} |"


def exit_table() -> str:
    """The rows of the table of exit codes as the README has to have them."""
    source = ast.parse((ROOT / "s2fetch" / "errors.py").read_text())
    (body,) = (
        node.body
        for node in source.body
        if isinstance(node, ast.ClassDef) and node.name == "ExitCode"
    )
    members = [node for node in body[1:] if not isinstance(node, ast.FunctionDef)]
    rows = []
    for code, said in zip(members[::2], members[1::2], strict=True):
        assert isinstance(code, ast.Assign)
        assert isinstance(said, ast.Expr)
        number = ast.literal_eval(code.value)
        meaning = " ".join(str(ast.literal_eval(said.value)).split())
        rows.append(f"| {number} | {meaning} |")
    return "\n".join(rows)


def test_the_table_of_settings_is_the_codes_own() -> None:
    """Every setting is in the README with its default and its meaning, and nothing else is."""
    found = re.search(r"<!-- settings:.*?-->\n(.*?)\n<!-- end of settings -->", README, re.DOTALL)
    assert found is not None
    assert found.group(1) == settings_table()


def test_the_table_of_exit_codes_is_the_codes_own() -> None:
    """Every exit code is in the README with the meaning the code gives it."""
    assert exit_table() in README
    assert exit_table().count("\n") + 1 == len(ExitCode)


async def test_the_python_example_works_as_pasted(hub_factory: HubFactory, tmp_path: Path) -> None:
    """The example is run by a fresh interpreter against a hub, and fetches two products."""
    import anyio

    hub = await hub_factory()
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example)
    environment = {**os.environ, **hub.environment(), "S2FETCH_STATE_DIR": str(tmp_path / "state")}
    done = await anyio.run_process(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    assert "ok 2 fetched, 0 were there" in done.stdout.decode()
    assert len(list((tmp_path / "archive").glob("*.SAFE.zip"))) == 2


async def test_every_command_in_the_readme_exists() -> None:
    """Each `s2fetch COMMAND` in a shell block is a command with a help text."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    commands = set(re.findall(r"^s2fetch (\w+)", blocks, re.MULTILINE))
    assert {"sync", "search", "status", "verify", "login"} <= commands
    for command in commands:
        done = await fork_module(
            "s2fetch", [command, "--help"], cwd=ROOT, env=os.environ, stdout=PIPE, stderr=PIPE
        )
        said, errors = await done.communicate()
        assert done.returncode == 0, errors
        assert f"usage: s2fetch {command}".encode() in (said or b"").lower()


def test_the_daemons_example_is_a_daemons_file(tmp_path: Path) -> None:
    """It is read as it stands, with a file for the archive that has its own."""
    found = [e for e in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[[archives]]" in e]
    (example,) = found
    (tmp_path / "daemon.toml").write_text(example)
    (tmp_path / "alps.toml").write_text('into = "alps"\n')
    config = load_daemon_config(tmp_path / "daemon.toml", {"HOME": str(tmp_path)})
    assert [archive.name for archive in config.archives] == ["dolomites", "alps"]
    assert {a.name for archive in config.archives for a in archive.config.accounts} == {"institute"}


def test_the_container_is_run_as_its_recipe_says() -> None:
    """README and recipe name the same options."""
    (command,) = re.findall(r"podman run (.*?)```", README, re.DOTALL)
    recipe = (ROOT / "config" / "Containerfile").read_text()
    (told,) = re.findall(r"podman run (.*?)\n#\n", recipe, re.DOTALL)
    assert options(command) == options(told.replace("\n#", " "))


def options(command: str) -> set[str]:
    """The options of a command, in any order."""
    return set(re.findall(r"--[^\s]+", command))
