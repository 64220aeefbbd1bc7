"""What keeps a daemon from starting: one clear sentence, exit code 2, and nothing done."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Done
from tests.daemon.server import TOKEN, Server


async def refused(server: Server, *told: str) -> Done:
    """Start the daemon, which does not; its error says all of this, in one line of JSON."""
    done = await server.shell.run("daemon", str(server.file))
    assert done.code == 2, done.err
    (line,) = done.log
    assert (line["event"], line["level"], line["exit_code"]) == ("command-failed", "error", 2)
    for words in told:
        assert words in line["error"]
    assert not list(server.folder.glob("alps/*"))
    return done


async def test_a_taken_port(server: Server, products: Path) -> None:
    await server.hub(products)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server.write("alps", http=f"port = {port}")
        await refused(server, f"cannot listen on 127.0.0.1 port {port}", "set another one")


async def test_another_daemon_at_the_control_socket(server: Server, products: Path) -> None:
    """It is named, and goes on."""
    await server.hub(products)
    server.write("plain")
    first = await server.start()
    server.write("alps")
    await refused(server, f"process {first.process.pid}", str(server.socket), "was not started")
    assert (await server.ctl("status")).code == 0


async def test_the_socket_of_a_daemon_that_was_killed_is_taken_over(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    server.write("alps")
    first = await server.start()
    first.process.kill()
    assert await first.ended() == -9
    assert server.socket.exists()
    await server.start()
    assert (await server.ctl("status")).code == 0


async def test_a_token_that_others_can_read(server: Server) -> None:
    http = server.token()
    (server.folder / "http-token").chmod(0o644)
    server.write("alps", http=http)
    done = await refused(server, "others can read it (mode 0644)", "chmod 600")
    assert TOKEN not in done.err


async def test_a_webhook_s_secret_that_others_can_read(server: Server) -> None:
    """Found when the file is read, with its line."""
    (server.folder / "secret").write_text("0123456789abcdef")
    (server.folder / "secret").chmod(0o640)
    hook = '[[alerts.webhooks]]\nurl = "https://example.org/hook"\nsecret-file = "secret"'
    server.write("alps", rest=hook)
    done = await server.shell.run("daemon", str(server.file), "--check")
    assert done.code == 2
    assert "line 13" in done.err
    assert "others can read it (mode 0640)" in done.err


async def test_any_address_but_loopback_without_a_token(server: Server) -> None:
    server.write("alps", http='host = "0.0.0.0"')
    done = await server.shell.run("daemon", str(server.file))
    assert done.code == 2
    assert "token-file" in done.err


@pytest.mark.parametrize(
    ("library", "lines"),
    [("prometheus_client", ""), ("croniter", 'schedule = "30 4 * * *"')],
)
async def test_a_library_that_is_not_installed(server: Server, library: str, lines: str) -> None:
    """The extra that has it is named."""
    hide(server, library)
    server.write(f"alps\n{lines}")
    done = await server.shell.run("daemon", str(server.file))
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "pip install 's2fetch[daemon]'" in done.err


async def test_without_the_http_face_its_libraries_are_not_needed(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    hide(server, "prometheus_client")
    server.write("alps", http="enabled = false")
    daemon = await server.start()
    assert daemon.logged("daemon-started")[0]["page"] == ""
    await daemon.until("run-finished")


async def test_a_folder_that_cannot_be_written_to_fails_the_run_and_not_the_daemon(
    server: Server, products: Path
) -> None:
    """The other archive is kept, and the reason is told."""
    await server.hub(products)
    (server.folder / "alps").write_text("a file is in the way")
    server.write("alps", "plain")
    daemon = await server.start()
    await daemon.until("run-finished", archive="plain")
    state = await server.until("alps", lambda archive: archive.activity == "failed")
    assert str(server.folder / "alps") in state.why


def hide(server: Server, library: str) -> None:
    """Have Python say that a library is not there, as it does without the extra."""
    folder = server.folder / "site"
    folder.mkdir()
    hidden = f"import sys\nsys.modules[{library!r}] = None\n"
    (folder / "sitecustomize.py").write_text(hidden)
    before = server.shell.environment.get("PYTHONPATH", "")
    server.shell.environment["PYTHONPATH"] = f"{folder}:{before}"
