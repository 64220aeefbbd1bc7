"""The control socket: private, bounded, and never taken from a living daemon."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from s2fetch.daemon import control, control_socket
from s2fetch.daemon.control import ControlServer
from s2fetch.daemon.control_client import ask
from s2fetch.daemon.control_messages import (
    MOST_REQUEST_BYTES,
    PROTOCOL,
    Answer,
    Command,
    Request,
)
from s2fetch.daemon.control_socket import client_paths, listening, server_path
from s2fetch.errors import DaemonUnreachableError, UsageError
from tests.daemon.fake_daemon import STATE, FakeDaemon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@asynccontextmanager
async def serving(daemon: FakeDaemon, path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(daemon, path)
    started = asyncio.Event()
    running = asyncio.ensure_future(server.run(started.set))
    await started.wait()
    yield server
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def daemon(path: Path) -> AsyncIterator[FakeDaemon]:
    """One that listens."""
    daemon = FakeDaemon()
    async with serving(daemon, path):
        yield daemon


async def asked(path: Path, command: Command, archive: str = "") -> Answer:
    def work() -> Answer:
        return ask(Request(command=command, archive=archive), (path,), seconds=20)

    return await anyio.to_thread.run_sync(work)


class Line:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, path: Path) -> Line:
        return cls(*await asyncio.open_unix_connection(str(path), limit=2**26))

    async def say(self, text: bytes) -> dict[str, Any]:
        self.writer.write(text)
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            found: dict[str, Any] = msgspec.json.decode(await self.reader.readline())
            return found

    async def ended(self) -> bool:
        async with asyncio.timeout(20):
            return await self.reader.read() == b""

    def close(self) -> None:
        self.writer.close()


async def test_everything_that_can_be_asked_is_answered(daemon: FakeDaemon, path: Path) -> None:
    answer = await asked(path, Command.STATUS)
    assert answer.state == STATE
    assert answer.protocol == PROTOCOL
    for command, archive in (
        (Command.PAUSE, "alps"),
        (Command.RESUME, ""),
        (Command.SYNC, "dolomites"),
        (Command.STOP, ""),
    ):
        answer = await asked(path, command, archive)
        assert (answer.done, answer.error) == (command, None)
    assert daemon.told == ["pause alps", "resume", "sync dolomites", "stop"]


async def test_what_the_daemon_refuses_comes_with_its_words_and_exit_code(
    daemon: FakeDaemon, path: Path
) -> None:
    answer = await asked(path, Command.SYNC, "andes")
    assert answer.done is None
    assert answer.error is not None
    assert answer.error.code == "usage"
    assert answer.error.exit_code == 2
    assert answer.error.message == "there is no archive andes. There are dolomites, alps"
    answer = await asked(path, Command.RELOAD)
    assert answer.error is not None
    assert answer.error.code == "config"
    assert "line 3, archives[1].schedule" in answer.error.message


async def test_a_defect_is_an_answer_and_not_the_end(daemon: FakeDaemon, path: Path) -> None:
    answer = await asked(path, Command.PAUSE, "defect")
    assert answer.error is not None
    assert answer.error.exit_code == 1
    assert (await asked(path, Command.STATUS)).state == STATE


async def test_the_socket_is_private_from_its_first_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mode is looked at when it begins to listen, before any chmod could come."""
    modes = []
    listen = socket.socket.listen

    def look(self: socket.socket, *args: int) -> None:
        modes.append(stat.S_IMODE(Path(self.getsockname()).stat().st_mode))
        listen(self, *args)

    monkeypatch.setattr(socket.socket, "listen", look)
    before = os.umask(0)
    try:
        with listening(path):
            assert modes == [0o600]
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert os.umask(0) == 0
    finally:
        os.umask(before)


async def test_another_user_is_sent_away(
    daemon: FakeDaemon, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the mode of the file came to be; root is let in."""
    monkeypatch.setattr(control_socket, "peer", lambda _: (1, os.geteuid() + 1))
    answer = await asked(path, Command.STOP)
    assert answer.error is not None
    assert "belongs to another user" in answer.error.message
    assert daemon.told == []
    monkeypatch.setattr(control_socket, "peer", lambda _: (1, 0))
    assert (await asked(path, Command.STOP)).done is Command.STOP


def test_the_user_at_the_other_end_is_the_kernels_word() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert control_socket.peer(one) == (os.getpid(), os.geteuid())


async def test_one_connection_can_ask_several_things(daemon: FakeDaemon, path: Path) -> None:
    line = await Line.to(path)
    assert (await line.say(b'{"command":"pause"}\n'))["done"] == "pause"
    assert (await line.say(b'{"command":"resume"}\n'))["done"] == "resume"
    line.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"\n",
        b"stop\n",
        b"[]\n",
        b'{"command":"destroy"}\n',
        b'{"command":"stop","archive":1}\n',
        b'{"command":"stop","force":true}\n',
        b'{"archive":"alps"}\n',
        b'\xff{"command":"stop"}\n',
        b'{"command":"pause","archive":"\xff"}\n',
    ],
)
async def test_what_is_no_request_is_refused_with_a_sentence(
    daemon: FakeDaemon, path: Path, request_: bytes
) -> None:
    """And the connection goes on."""
    line = await Line.to(path)
    answer = await line.say(request_)
    assert answer["error"]["message"].startswith("the request is not understood: ")
    assert answer["error"]["exit_code"] == 2
    assert (await line.say(b'{"command":"pause"}\n'))["done"] == "pause"
    assert daemon.told == ["pause"]
    line.close()


async def test_a_request_without_end_is_cut_off(daemon: FakeDaemon, path: Path) -> None:
    line = await Line.to(path)
    answer = await line.say(b"x" * (MOST_REQUEST_BYTES + 2))
    assert "it is too long" in answer["error"]["message"]
    line.close()
    assert (await asked(path, Command.STATUS)).state == STATE


async def test_a_client_that_says_nothing_is_let_go(
    daemon: FakeDaemon, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "REQUEST_SECONDS", 0.05)
    line = await Line.to(path)
    line.writer.write(b'{"command":')
    assert await line.ended()
    line.close()


async def test_a_client_that_does_not_read_is_let_go(
    daemon: FakeDaemon, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's buffers are full of answers, and nobody waits for them to be emptied."""
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.05)
    lazy = socket.socket(socket.AF_UNIX)
    lazy.setblocking(False)
    lazy.connect(str(path))
    asking = b'{"command":"status"}\n' * 1000
    with pytest.raises(OSError):  # noqa: PT012 - the end of the connection is what is waited for
        async with asyncio.timeout(30):
            while True:
                await asyncio.sleep(0)
                try:
                    lazy.send(asking)
                except BlockingIOError:
                    continue
    lazy.close()


async def test_a_request_that_is_never_done_is_given_up(
    daemon: FakeDaemon, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "WORK_SECONDS", 0.05)
    daemon.hang = True
    answer = await asked(path, Command.PAUSE)
    assert answer.error is not None
    assert "takes too long" in answer.error.message


async def test_a_client_that_waits_keeps_no_other_one_waiting(
    daemon: FakeDaemon, path: Path
) -> None:
    daemon.hang = True
    slow = await Line.to(path)
    slow.writer.write(b'{"command":"pause"}\n')
    assert (await asked(path, Command.STATUS)).state == STATE
    slow.close()


async def test_too_many_clients_are_sent_away(
    daemon: FakeDaemon, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_CLIENTS", 2)
    lines = [await Line.to(path) for _ in range(2)]
    for line in lines:
        assert (await line.say(b'{"command":"pause"}\n'))["done"] == "pause"
    third = await Line.to(path)
    assert "2 clients are connected already" in (await third.hear())["error"]["message"]
    assert await third.ended()
    for line in (*lines, third):
        line.close()


async def test_the_end_of_the_server_removes_the_socket_and_ends_its_clients(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = FakeDaemon()
    daemon.hang = True
    async with serving(daemon, path):
        line = await Line.to(path)
        line.writer.write(b'{"command":"pause"}\n')
        await asked(path, Command.STATUS)
    assert not path.exists()
    assert await line.ended()
    line.close()
    assert caplog.records == []


@pytest.mark.parametrize("hindered", [False, True])
async def test_a_socket_that_somebody_removes_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, hindered: bool
) -> None:
    """As soon as it can be: its folder goes when a user logs out, and comes with the next login."""
    monkeypatch.setattr(control, "LOOK_SECONDS", 0.01)
    async with serving(FakeDaemon(), path):
        shutil.rmtree(path.parent)
        if hindered:
            path.parent.touch()
            await asyncio.sleep(0.05)
            path.parent.unlink(missing_ok=True)
        async with asyncio.timeout(20):
            while not path.exists():
                await asyncio.sleep(0.01)
        assert (await asked(path, Command.STATUS)).state == STATE
    assert not path.exists()


async def test_a_living_daemons_socket_is_not_taken(daemon: FakeDaemon, path: Path) -> None:
    """The message says whose it is, and the first one goes on."""
    with pytest.raises(UsageError, match=f"process {os.getpid()} on .* listens at .*control.sock"):
        await ControlServer(FakeDaemon(), path).run()
    assert (await asked(path, Command.STATUS)).state == STATE


def test_the_socket_of_another_program_is_not_taken(path: Path) -> None:
    """It has no lock of ours, but somebody answers."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(UsageError, match="another program listens at"), listening(path):
            pass
        assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(UsageError, match="something else is there"), listening(path):
        pass
    assert path.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UsageError, match="Set socket below"),
        listening(tmp_path / "file" / "control.sock"),
    ):
        pass


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long for a socket"), listening(tmp_path / ("x" * 99)):
        pass


async def start(path: Path) -> asyncio.subprocess.Process:
    """A daemon of its own process, which listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.daemon.fake_daemon", str(path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"ready\n"
    return process


async def test_the_socket_of_a_killed_daemon_is_replaced(path: Path) -> None:
    """Killed without a chance to clean up: the file is there, and no one listens."""
    dead = await start(path)
    dead.send_signal(signal.SIGKILL)
    await dead.wait()
    assert path.is_socket()
    with pytest.raises(DaemonUnreachableError, match="no daemon listens at"):
        await asked(path, Command.STATUS)
    alive = await start(path)
    assert (await asked(path, Command.STATUS)).state == STATE
    assert (await asked(path, Command.STOP)).done is Command.STOP
    assert await alive.wait() == 0
    assert not path.exists()


async def test_a_second_process_does_not_take_the_first_ones_socket(path: Path) -> None:
    first = await start(path)
    with pytest.raises(UsageError, match=f"process {first.pid} on"):
        await ControlServer(FakeDaemon(), path).run()
    await asked(path, Command.STOP)
    assert await first.wait() == 0


@pytest.mark.parametrize(
    ("environ", "user", "expected"),
    [
        ({"RUNTIME_DIRECTORY": "/run/s2fetch:/run/other"}, 7, "/run/s2fetch/control.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/run/user/7/s2fetch/control.sock"),
        ({}, 0, "/run/s2fetch/control.sock"),
    ],
)
def test_a_daemon_and_its_clients_agree_where_the_socket_is(
    environ: dict[str, str], user: int, expected: str
) -> None:
    assert server_path(environ, user) == Path(expected)
    assert Path(expected) in client_paths(environ)


def test_without_a_folder_for_it_the_setting_is_named() -> None:
    with pytest.raises(UsageError, match=r"XDG_RUNTIME_DIR is not set\. Set socket below"):
        server_path({}, 1000)


async def answering(path: Path, said: bytes) -> DaemonUnreachableError:
    """What a client makes of such an answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    path.parent.mkdir(exist_ok=True)
    async with await asyncio.start_unix_server(answer, str(path)):
        with pytest.raises(DaemonUnreachableError) as caught:
            await asked(path, Command.STATUS)
    return caught.value


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "broke off without an answer"),
        (b'{"protocol":1', "broke off without an answer"),
        (b"HTTP/1.1 400 Bad Request\r\n", "is something else"),
        (b'{"protocol":2,"version":"9.0.0","new":[]}\n', "is s2fetch 9.0.0 with protocol 2"),
        (b'{"protocol":1,"version":"0.1.0","done":7}\n', "is something else"),
    ],
)
async def test_an_answer_that_is_none_is_told(path: Path, said: bytes, told: str) -> None:
    error = await answering(path, said)
    assert told in str(error)
    assert error.exit_code == 10


async def test_a_daemon_that_does_not_answer_is_not_waited_for_without_end(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(
            DaemonUnreachableError, match=r"does not answer in time\. Whether it did"
        ):
            ask(Request(command=Command.STOP), (path,), seconds=0.05)
