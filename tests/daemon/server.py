"""A daemon as its operator has it: a process, a file, a socket; and a hub that is a process too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from s2fetch.daemon.control_client import ask
from s2fetch.daemon.control_messages import Command, Request
from s2fetch.daemon.state import ArchiveState, DaemonState
from s2fetch.embedded.faults import Fault
from s2fetch.embedded.stats import Stats
from tests.cli.conftest import PATIENCE_SECONDS, Done, Process, Shell

TOKEN = "0123456789abcdef-correct-horse-battery"


class HubProcess:
    """``python -m s2fetch.embedded``, over a folder of products.

    Attributes:
        environment: What its clients have to know.
    """

    def __init__(self, urls: dict[str, Any], process: Process) -> None:
        self.environment: dict[str, str] = urls["environment"]
        self._stats_url: str = urls["stats_url"]
        self._faults_url = self._stats_url.rsplit("/", 1)[0] + "/faults"
        self.process = process

    @classmethod
    async def started(cls, shell: Shell, folder: Path, *options: str) -> HubProcess:
        """One that listens."""
        process = await shell.start_module("s2fetch.embedded", str(folder), *options, stderr=None)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            return cls(msgspec.json.decode(await process.stdout.readline()), process)

    async def stats(self) -> Stats:
        """What it has counted."""
        async with aiohttp.ClientSession() as http, http.get(self._stats_url) as answer:
            return msgspec.json.decode(await answer.read(), type=Stats)

    async def fail(self, *faults: Fault) -> None:
        """Have these faults, and no others, from now on."""
        body = msgspec.json.encode(faults)
        async with aiohttp.ClientSession() as http, http.post(self._faults_url, data=body) as said:
            assert said.status == 204, await said.text()


class DaemonProcess:
    """A running ``s2fetch daemon``, whose log is read all the time.

    Attributes:
        process: The process.
        log: The lines of its log so far; every one of them has to be JSON.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self._more = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            try:
                self.log.append(msgspec.json.decode(line))
            except msgspec.DecodeError as error:
                raise AssertionError(f"no line of JSON: {line.decode()}") from error
            self._more.set()

    def logged(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """The lines of one event that have these fields."""
        wanted = {"event": event, **fields}.items()
        return [line for line in self.log if wanted <= _plain(line).items()]

    async def until(self, event: str, count: int = 1, **fields: object) -> dict[str, Any]:
        """Wait until there are so many lines of an event; returns the last of them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := self.logged(event, **fields)) < count:
                if self._reading.done():
                    self._reading.result()
                    raise AssertionError(f"{event} never came\n{self.log}")
                self._more.clear()
                waiting = asyncio.ensure_future(self._more.wait())
                await asyncio.wait((waiting, self._reading), return_when="FIRST_COMPLETED")
                waiting.cancel()
        return found[count - 1]

    async def ended(self) -> int:
        """Wait for its end; returns the exit code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await self.process.wait()
            await self._reading
        return code

    @property
    def url(self) -> str:
        """Where its HTTP face is."""
        found: str = self.logged("daemon-started")[0]["page"]
        return found


class Server:
    """A machine with a hub, a daemon's file and a shell.

    Attributes:
        shell: Where commands are run.
        file: The daemon's file.
        folder: Where archives are.
    """

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.folder = shell.folder
        self.file = shell.folder / "daemon.toml"
        runtime = shell.folder / "run"
        runtime.mkdir(mode=0o700)
        self.socket = runtime / "s2fetch" / "control.sock"
        shell.environment["XDG_RUNTIME_DIR"] = str(runtime)

    async def hub(self, folder: Path, *options: str) -> HubProcess:
        """Start a hub, which commands and daemons use from now on."""
        hub = await HubProcess.started(self.shell, folder, *options)
        self.shell.environment |= hub.environment
        return hub

    def write(self, *archives: str, top: str = "", http: str = "port = 0", rest: str = "") -> None:
        """Write the daemon's file. An archive is a name, or a name with lines of its own."""
        parts = ['log-format = "json"', top, "[defaults]", 'reserve = "0 B"']
        for archive in archives:
            name, _, lines = archive.partition("\n")
            parts += ["[[archives]]", f'name = "{name}"', f'into = "{name}"', lines]
        self.file.write_text("\n".join([*parts, "[http]", http, rest, ""]))

    def token(self) -> str:
        """Lines below ``[http]`` with a token that `TOKEN` is."""
        path = self.folder / "http-token"
        path.write_text(TOKEN)
        path.chmod(0o600)
        return 'port = 0\ntoken-file = "http-token"'

    async def start(self, **options: Any) -> DaemonProcess:
        """Start the daemon; returns when it is under way."""
        daemon = DaemonProcess(await self.shell.start("daemon", self.file.name, **options))
        await daemon.until("daemon-started")
        return daemon

    async def ctl(self, *arguments: str) -> Done:
        """Ask the daemon."""
        return await self.shell.run("ctl", *arguments)

    async def state(self) -> DaemonState:
        """What the daemon says of itself, without a process that asks."""
        answer = await asyncio.to_thread(
            ask, Request(command=Command.STATUS), (self.socket,), seconds=PATIENCE_SECONDS
        )
        assert answer.state is not None
        return answer.state

    async def archive(self, name: str) -> ArchiveState:
        """The state of one archive."""
        (found,) = (each for each in (await self.state()).archives if each.name == name)
        return found

    async def until(self, name: str, holds: Callable[[ArchiveState], object]) -> ArchiveState:
        """Wait until something is so of an archive; returns its state."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds(state := await self.archive(name)):
                await asyncio.sleep(0.05)
        return state

    async def until_state(self, holds: Callable[[DaemonState], object]) -> DaemonState:
        """Wait until something is so of the daemon; returns its state."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds(state := await self.state()):
                await asyncio.sleep(0.05)
        return state

    def files(self, name: str) -> list[Path]:
        """The products an archive has."""
        return sorted((self.folder / name).glob("*.zip"))

    def parts(self, name: str) -> list[Path]:
        """The part files an archive has."""
        return sorted((self.folder / name).glob(".s2fetch-*.part"))


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    """A line without what cannot be compared by a hash."""
    return {key: value for key, value in line.items() if not isinstance(value, list | dict)}


def names(lines: Iterable[dict[str, Any]]) -> list[str]:
    """The events of some lines, in order."""
    return [line["event"] for line in lines]
