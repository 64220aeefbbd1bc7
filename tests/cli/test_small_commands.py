"""``s2fetch login``, ``hub``, ``demo``, ``completion`` and ``--version`` as processes."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from s2fetch import __version__
from s2fetch.embedded.faults import Fault, Stall
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.safe import generate_products
from tests.cli.conftest import Shell, finish, until

ROOT = Path(__file__).parents[2]


async def test_login_says_that_the_account_works(shell: Shell, hub: EmbeddedHub) -> None:
    """And that its slots are free; it logs out again."""
    shell.fresh = True
    done = await shell.run("login")
    assert done.code == 0, done.err
    assert done.out.startswith("demo@example.org: logged in in ")
    assert "slot 1: free" in done.out
    assert "slot 2: free" in done.out
    assert (hub.stats.logins, hub.stats.logouts) == (1, 1)


@pytest.mark.parametrize("tables", ["", "[[accounts]]\n"])
async def test_login_names_the_user_whom_only_the_credentials_tell(
    shell: Shell, hub: EmbeddedHub, tables: str
) -> None:
    """And not "default": with several files and ~/.netrc, that is what one wants to know."""
    file = shell.folder / "me.toml"
    file.write_text('user = "demo@example.org"\npassword = "demo"\n')
    file.chmod(0o600)
    (shell.folder / "archive.toml").write_text(f'{tables}credentials-file = "me.toml"\n')
    del shell.environment["S2FETCH_USER"], shell.environment["S2FETCH_PASSWORD"]
    done = await shell.run("login", "archive.toml")
    assert done.out.startswith("demo@example.org: logged in in "), done.err


async def test_login_tells_the_accounts_that_work_beside_one_that_is_refused(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Wherever the refused one stands."""
    lines = []
    for user, password in (("nobody", "wrong"), ("demo@example.org", "demo")):
        file = shell.folder / f"{user}.toml"
        file.write_text(f'user = "{user}"\npassword = "{password}"\n')
        file.chmod(0o600)
        lines += ["[[accounts]]", f'credentials-file = "{user}.toml"']
    (shell.folder / "archive.toml").write_text("\n".join(lines))
    del shell.environment["S2FETCH_USER"], shell.environment["S2FETCH_PASSWORD"]
    done = await shell.run("login", "archive.toml")
    assert done.code == 3
    assert done.out.startswith("demo@example.org: logged in in ")
    assert "nobody was refused" in done.err


async def test_login_says_who_uses_the_slots(shell: Shell, hub: EmbeddedHub) -> None:
    """The process and its archive."""
    hub.faults.add(Fault(Stall(5_000)))
    patience = ("--minimum-rate-window", "1h")  # the body stalls for as long as this test takes
    process = await shell.start("sync", "--into", "archive", "--limit", "1", *patience)
    await until(lambda: hub.stats.all_bytes_served > 0)
    text = await shell.run("login")
    assert f"process {process.pid} on " in text.out
    assert "for archive" in text.out
    as_json = await shell.run("login", "--json")
    (login,) = [json.loads(line) for line in as_json.out.splitlines()]
    assert login["slots"] == 2
    assert [holder["pid"] for holder in login["holders"].values()] == [process.pid]
    process.send_signal(signal.SIGINT)
    await finish(process)


async def test_login_refuses_a_wrong_password(shell: Shell, hub: EmbeddedHub) -> None:
    """With the exit code of accounts."""
    shell.environment["S2FETCH_PASSWORD"] = "wrong"
    done = await shell.run("login")
    assert done.code == 3
    assert done.out == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_hub_serves_a_folder_until_it_is_told_to_stop(
    shell: Shell, products: Path, number: signal.Signals
) -> None:
    """With the variables it prints, a sync fetches everything."""
    shell.fresh = True
    process = await shell.start("hub", str(products))
    assert process.stdout is not None
    printed = [(await process.stdout.readline()).decode() for _ in range(5)]
    for line in printed:
        export, assignment = shlex.split(line)
        assert export == "export"
        name, value = assignment.split("=", 1)
        shell.environment[name] = value
    shell.fresh = False
    done = await shell.run("sync", "--into", "archive")
    assert done.code == 0, done.err
    assert "6 fetched" in done.out
    process.send_signal(number)
    ended = await finish(process)
    assert (ended.code, ended.err) == (0, "")


async def test_the_hub_does_not_print_a_password_of_ones_own(shell: Shell, products: Path) -> None:
    """It was in the environment, and stays there."""
    shell.environment |= {"S2FETCH_USER": "me", "S2FETCH_PASSWORD": "my-own"}
    process = await shell.start("hub", str(products))
    assert process.stdout is not None
    printed = [(await process.stdout.readline()).decode() for _ in range(4)]
    assert any("S2FETCH_USER=me" in line for line in printed)
    process.send_signal(signal.SIGTERM)
    ended = await finish(process)
    assert "my-own" not in "".join(printed) + ended.out + ended.err


async def test_the_hub_leaves_the_machine_only_with_tls_and_a_password(
    shell: Shell, products: Path
) -> None:
    """Because s2fetch would not send a password there."""
    done = await shell.run("hub", str(products), "--host", "0.0.0.0")
    assert done.code == 2
    assert "https" in done.err


async def test_the_hub_can_be_of_the_kind_dhus(shell: Shell, products: Path) -> None:
    """It prints that kind's variables, and answers that kind's requests."""
    shell.environment |= {"DHUS_USER": "me", "DHUS_PASSWORD": "my-own"}
    process = await shell.start("hub", str(products), "--kind", "dhus")
    assert process.stdout is not None
    printed = [shlex.split((await process.stdout.readline()).decode())[1] for _ in range(2)]
    assert b"--kind dhus" in await process.stdout.readline(), "without it, they do not count"
    variables = dict(line.split("=", 1) for line in printed)
    assert variables.pop("DHUS_USER") == "me"
    headers = {"Authorization": "Basic " + base64.b64encode(b"me:my-own").decode()}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{variables.pop('DHUS_URL')}/odata/v1/Products/$count") as response,
    ):
        assert await response.text() == "6"
    process.send_signal(signal.SIGTERM)
    ended = await finish(process)
    assert (ended.code, ended.out, ended.err, variables) == (0, "", "", {})


async def test_a_dhus_has_one_port(shell: Shell, products: Path) -> None:
    """Downloads come from the same one."""
    done = await shell.run("hub", str(products), "--kind", "dhus", "--download-port", "8081")
    assert done.code == 2
    assert "one port only" in done.err


async def test_a_hub_whose_port_is_taken_says_what_to_do(shell: Shell, products: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option in ("--port", "--download-port"):
            done = await shell.run("hub", str(products), option, port)
            assert done.code == 2
            assert "Address already in use" in done.err
            assert "give another --host, --port or" in done.err


async def test_a_hub_over_an_empty_folder_says_so(shell: Shell) -> None:
    """It may be the wrong one."""
    (shell.folder / "empty").mkdir()
    process = await shell.start("hub", "empty", "--host", "127.0.0.2")
    assert process.stderr is not None
    assert b"there are no products in the folder" in await process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert (await finish(process)).code == 0


async def test_a_hub_needs_a_folder(shell: Shell) -> None:
    """That is there."""
    done = await shell.run("hub", "nowhere")
    assert done.code == 2
    assert "nowhere is not a folder" in done.err


@pytest.mark.long
async def test_the_demo_shows_retrieval_and_resuming_and_then_skips(shell: Shell) -> None:
    """The first run fetches a dozen products; the second finds all of them on disk."""
    shutil.copytree(ROOT / "config", shell.folder / "config")
    generate_products(shell.folder / "demo-hub", 12, size=3_000_000, offline=2)
    shell.fresh = True
    first = await shell.run("demo", "config/demo.toml")
    assert first.code == 0, first.err
    assert "$ s2fetch sync config/demo.toml" in first.out
    assert "12 products match: 12 fetched" in first.out
    assert first.err.count("retrieval-requested") == 2
    assert first.err.count("attempt-failed") == 1
    assert len(list((shell.folder / "demo-archive").glob("*.zip"))) == 12
    shell.fresh = False
    second = await shell.run("demo", "config/demo.toml")
    assert second.code == 0
    assert "12 products match: everything was already on disk and verified" in second.out
    assert "transfer-started" not in second.err


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
async def test_completion_scripts_are_printed(shell: Shell, name: str) -> None:
    """For the command ``s2fetch``."""
    shell.fresh = name == "bash"
    done = await shell.run("completion", name)
    assert done.code == 0
    assert "_S2FETCH_COMPLETE" in done.out
    assert "s2fetch" in done.out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("s2fetch s", {"sync", "search", "status"}),
        ("s2fetch sync --prod", {"--product-type"}),
        ("s2fetch sync --order-by ev", {"eviction"}),
        ("s2fetch sync --collection sentinel-2", {"SENTINEL-2"}),
        ("s2fetch sync --log-format j", {"json"}),
        ("s2fetch search --product-type s2msi1", {"S2MSI1C"}),
        ("s2fetch search --collection S5P --product-type L2__N", {"L2__NO2___"}),
        ("s2fetch search --collection SENTINEL-3 --timeliness n", {"NR", "NT"}),
        ("s2fetch search --collection SENTINEL-5P --versions RP", {"RPRO"}),
        ("s2fetch search --collection SENTINEL-1 --where orbitN", {"orbitNumber"}),
        ("s2fetch products sentinel-5", {"SENTINEL-5P"}),
    ],
)
async def test_the_shell_completes(shell: Shell, typed: str, expected: set[str]) -> None:
    """Commands, options and values."""
    words = typed.split()
    shell.environment |= {
        "_S2FETCH_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = await shell.run()
    assert {line.split(",", 1)[1] for line in done.out.splitlines()} >= expected


async def test_the_version_is_the_package_s(shell: Shell) -> None:
    """One place for it."""
    shell.fresh = True
    done = await shell.run("--version")
    assert (done.code, done.out) == (0, f"s2fetch {__version__}\n")
