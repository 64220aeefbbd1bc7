"""Commands against a hub that runs the Data Hub Software."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from s2fetch.embedded.dhus.hub import EmbeddedDhus, User
from s2fetch.embedded.safe import generate_products
from s2fetch.errors import ExitCode
from tests.cli.conftest import Shell

PASSWORD = "a password of its own"


@pytest.fixture
async def dhus(shell: Shell, tmp_path: Path) -> AsyncIterator[EmbeddedDhus]:
    """A hub with four products, one of them offline, that the shell's variables name."""
    folder = tmp_path / "served"
    generate_products(folder, 4, size=40_000, offline=1)
    users = (User(name="me", password=PASSWORD),)
    async with EmbeddedDhus(folder, users=users) as hub:
        shell.environment |= hub.environment()
        yield hub


async def test_everything_works_with_the_kind_and_the_variables(
    shell: Shell, dhus: EmbeddedDhus
) -> None:
    """Login, search, a preview, and a sync that waits for what is offline."""
    login = await shell.run("login", "--kind", "dhus")
    assert (login.code, "me: logged in" in login.out) == (ExitCode.OK, True)
    found = await shell.run("search", "--kind", "dhus", "--json")
    assert found.code == ExitCode.OK, found.err
    rows = [msgspec.json.decode(line) for line in found.out.splitlines()]
    assert len(rows) == 4
    assert sum(row["size"] for row in rows) == sum(
        entry.content_length for entry in dhus.folder.entries
    )
    counted = await shell.run("search", "--kind", "dhus", "--count")
    assert counted.out.strip().startswith("4")
    options = ("sync", "--kind", "dhus", "--into", "archive", "--reserve", "0")
    preview = await shell.run(*options, "--dry-run")
    assert preview.code == ExitCode.OK
    assert 'platformname:"Sentinel-2"' in preview.out + preview.err
    done = await shell.run(*options, "--wait-offline", "1 min", "--poll-interval", "0.2s")
    assert done.code == ExitCode.OK, done.err
    assert len(list((shell.folder / "archive").glob("*.SAFE.zip"))) == 4


async def test_without_the_kind_the_variables_change_nothing(
    shell: Shell, dhus: EmbeddedDhus
) -> None:
    """An address alone is a mistake, and the hub is not asked."""
    done = await shell.run("search", "--url", dhus.url)
    assert done.code == ExitCode.USAGE
    assert "Give --kind dhus too" in done.err
    assert not dhus.stats.requests


async def test_a_wrong_password_is_told_and_never_shown(shell: Shell, dhus: EmbeddedDhus) -> None:
    """Exit code 3 from every command."""
    shell.environment["DHUS_PASSWORD"] = "wrong-one"
    for command in (("login",), ("search",), ("sync", "--into", "archive")):
        done = await shell.run(*command, "--kind", "dhus", "--verbose")
        assert done.code == ExitCode.ACCOUNT, done.err
        assert "refused user me and the password from the environment" in done.err
        assert "wrong-one" not in done.out + done.err
        assert "Traceback" not in done.err
