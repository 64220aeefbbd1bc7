"""The daemon as a service: real processes, signals, files and sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path

import msgspec
import pytest

from s2fetch.embedded.faults import Delay, Fault, Kind
from s2fetch.embedded.safe import generate_products
from tests.cli.conftest import Shell
from tests.daemon.server import DaemonProcess, HubProcess, Server, names

ALPS = 'alps\ntile = ["32TQM"]\npriority = 3'
YEARLY = 'schedule = "365d"'
SLOW = ("--rate", "900000")


@pytest.fixture
async def big_products(tmp_path: Path) -> Path:
    """Three products of about 2 MB."""
    folder = tmp_path / "big-products"
    generate_products(folder, 3, size=2_000_000)
    return folder


async def in_mid_transfer(server: Server, hub: HubProcess) -> DaemonProcess:
    """A daemon whose archive has received some, but not all; of an interpreter of its own."""
    server.shell.fresh = True
    daemon = await server.start()
    server.shell.fresh = False
    async with asyncio.timeout(60):
        while (await hub.stats()).all_bytes_served < 700_000:
            await asyncio.sleep(0.05)
    return daemon


async def test_it_fills_its_archives_answers_and_stops_when_it_is_told_to(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    server.write(ALPS, "everything")
    server.shell.fresh = True
    daemon = await server.start()
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    assert daemon.logged("daemon-started")[0]["socket"] == str(server.socket)
    for name in ("alps", "everything"):
        await server.until(name, lambda a: a.last_run and a.activity == "idle")
    state = msgspec.json.decode((await server.ctl("status", "--json")).out)
    server.shell.fresh = False
    assert [each["products"]["complete"] for each in state["archives"]] == [1, 6]
    assert [each["folder"] for each in state["archives"]] == [
        str(server.folder / name) for name in ("alps", "everything")
    ], "also when the file was named from where the daemon was started"
    assert state["hub_reachable"]
    assert not state["paused"]
    assert state["accounts"][0]["token_seconds"] > 0
    assert (len(server.files("alps")), len(server.files("everything"))) == (1, 6)
    shown = (await server.ctl("status")).out
    assert "everything" in shown
    assert "demo@example.org" in shown

    stopped = await server.ctl("stop")
    assert (stopped.code, stopped.out) == (
        0,
        "The daemon is stopping; part files stay resumable.\n",
    )
    assert await daemon.ended() == 0
    assert names(daemon.log)[-2:] == ["daemon-asked", "daemon-stopped"]
    assert not server.socket.exists()
    assert (await server.ctl("status")).code == 10


async def test_every_line_of_its_log_says_which_archive_it_is_about(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    server.write(ALPS, "everything")
    daemon = await server.start()
    for name in ("alps", "everything"):
        await daemon.until("run-finished", archive=name)
        (started,) = daemon.logged("run-started", archive=name)
        assert started["folder"] == str(server.folder / name)
    completed = daemon.logged("product-completed")
    assert sorted(line["archive"] for line in completed) == ["alps", *["everything"] * 6]
    assert all({"level", "timestamp", "account"} <= line.keys() for line in completed)


async def test_archives_are_paused_resumed_and_synced_by_ctl(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    server.write(f"alps\n{YEARLY}")
    daemon = await server.start()
    await daemon.until("run-finished")
    assert (await server.ctl("pause", "alps")).code == 0
    assert (await server.archive("alps")).activity == "paused"
    assert (await server.ctl("sync", "alps")).code == 0
    assert (await server.ctl("resume")).code == 0, "resumes what was paused for all, not one"
    assert (await server.archive("alps")).activity == "paused"
    assert len(daemon.logged("run-started")) == 1
    assert (await server.ctl("resume", "alps")).code == 0
    await daemon.until("run-finished", count=2)
    asked = [(line["what"], line.get("archive", "")) for line in daemon.logged("daemon-asked")]
    assert asked == [("pause", "alps"), ("sync", "alps"), ("resume", ""), ("resume", "alps")]
    unknown = await server.ctl("sync", "elps")
    assert unknown.code == 2
    assert "no archive 'elps'" in unknown.err
    assert "alps" in unknown.err


@pytest.mark.long
async def test_sigterm_in_mid_transfer_keeps_what_has_come_for_the_next_start(
    server: Server, big_products: Path
) -> None:
    hub = await server.hub(big_products, *SLOW)
    server.write("alps")
    daemon = await in_mid_transfer(server, hub)
    daemon.process.send_signal(signal.SIGTERM)
    assert await daemon.ended() == 0
    assert names(daemon.log)[-1] == "daemon-stopped"
    assert "defect" not in str(daemon.log)
    assert server.parts("alps")
    assert (await hub.stats()).logouts == 1

    again = await server.start()
    await again.until("run-finished")
    assert max(line["offset"] for line in again.logged("transfer-started")) > 0
    assert len(server.files("alps")) == 3
    assert not server.parts("alps")
    payload = sum(path.stat().st_size for path in server.files("alps"))
    served = (await hub.stats()).all_bytes_served
    # Of each product that was under way, the end is fetched again, and what was in the pipes.
    assert payload <= served < payload + 2 * 600_000


async def test_a_second_sigterm_ends_it_at_once(server: Server, big_products: Path) -> None:
    """It does not wait for the logout, which hangs here."""
    hub = await server.hub(big_products, *SLOW)
    server.write("alps")
    daemon = await in_mid_transfer(server, hub)
    await hub.fail(Fault(Delay(3600), on=Kind.LOGOUT, times=None))
    daemon.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        while not (await hub.stats()).requests.get(Kind.LOGOUT):
            await asyncio.sleep(0.02)
    daemon.process.send_signal(signal.SIGTERM)
    assert await daemon.ended() == 143
    assert not daemon.logged("daemon-stopped")


async def still_reading(server: Server) -> tuple[DaemonProcess, int]:
    """A daemon that has begun to read its file, which it gets when it is written to this pipe."""
    server.file.unlink(missing_ok=True)
    os.mkfifo(server.file)
    daemon = DaemonProcess(await server.shell.start("daemon", server.file.name))
    pipe = await asyncio.to_thread(os.open, server.file, os.O_WRONLY)
    server.file.unlink()
    return daemon, pipe


async def test_a_sighup_before_it_is_ready_is_heeded_when_it_is(
    server: Server, products: Path
) -> None:
    """It does not end the daemon, as a signal does that nobody waits for."""
    await server.hub(products)
    server.write(f"alps\n{YEARLY}")
    before = server.file.read_bytes()
    daemon, pipe = await still_reading(server)
    server.write(f"alps\n{YEARLY}", f"coast\n{YEARLY}")
    daemon.process.send_signal(signal.SIGHUP)
    os.write(pipe, before)
    os.close(pipe)
    assert (await daemon.until("daemon-started"))["archives"] == 1
    assert (await daemon.until("configuration-taken"))["archives"] == 2
    await daemon.until("run-finished", archive="coast")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_can_be_stopped_before_it_is_ready(server: Server, number: signal.Signals) -> None:
    server.write("alps")
    content = server.file.read_bytes()
    daemon, pipe = await still_reading(server)
    daemon.process.send_signal(number)
    os.write(pipe, content)
    os.close(pipe)
    assert await daemon.ended() == 0
    assert names(daemon.log)[-1] == "daemon-stopped"
    assert not server.socket.exists()


async def test_a_second_signal_ends_it_at_once_before_it_is_ready(server: Server) -> None:
    daemon, pipe = await still_reading(server)
    ended = asyncio.create_task(daemon.ended())
    while not ended.done():  # several that come before the first one was heeded are one
        daemon.process.send_signal(signal.SIGTERM)
        await asyncio.wait([ended], timeout=0.1)
    os.close(pipe)
    assert ended.result() == 143


async def test_sighup_begins_ends_and_changes_archives(server: Server, products: Path) -> None:
    await server.hub(products)
    server.write(f"alps\n{YEARLY}", "plain")
    daemon = await server.start()
    await daemon.until("run-finished", count=2)
    server.write("coast", 'alps\nschedule = "1h"\npriority = 7', http="port = 1")
    daemon.process.send_signal(signal.SIGHUP)
    taken = await daemon.until("configuration-taken")
    assert (taken["archives"], taken["needs_restart"]) == (2, "http")
    again = await server.ctl("reload")
    assert again.code == 0
    assert "only a restart of the daemon brings: http" in again.err, "still, it was not restarted"
    assert "only a restart brings what was changed: http" in (await server.ctl("status")).out
    await daemon.until("run-finished", archive="coast")
    assert len(server.files("coast")) == 6
    first, second = (await server.state()).archives
    assert (first.name, second.name, second.priority) == ("coast", "alps", 7)
    assert daemon.logged("daemon-asked", what="reload", via="a signal")


async def test_a_bad_file_is_refused_with_its_line_and_the_old_one_stays_in_force(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    server.write(f"alps\n{YEARLY}")
    daemon = await server.start()
    await daemon.until("run-finished")
    server.write('alps\nschedule = "sometimes"', "coast")
    daemon.process.send_signal(signal.SIGHUP)
    refused = await daemon.until("configuration-refused")
    assert "daemon.toml, line 8" in refused["error"]
    assert "'sometimes'" in refused["error"]
    by_ctl = await server.ctl("reload")
    assert by_ctl.code == 2
    assert "daemon.toml, line 8" in by_ctl.err
    assert not daemon.logged("configuration-taken")
    assert [each.name for each in (await server.state()).archives] == ["alps"]
    assert (await server.ctl("sync", "alps")).code == 0
    await daemon.until("run-finished", count=2)


async def test_the_bandwidth_of_the_present_time_is_told(server: Server, products: Path) -> None:
    """From a timetable, which is in force from the start."""
    await server.hub(products)
    server.write("alps", rest='[bandwidth]\n"00:00-24:00" = "900 kB/s"')
    daemon = await server.start()
    await daemon.until("run-finished")
    assert "; at most 900 kB/s now\n" in (await server.ctl("status")).out
    assert (await server.state()).bandwidth == 900_000


async def test_people_are_told_where_the_dashboard_is(
    server: Server, products: Path, shell: Shell
) -> None:
    await server.hub(products)
    server.write("alps")
    server.file.write_text(server.file.read_text().replace('"json"', '"console"'))
    process = await shell.start("daemon", str(server.file))
    assert process.stderr is not None
    said = await process.stderr.readline()
    assert said.startswith(b"The dashboard is at http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, rest = await process.communicate()
    assert process.returncode == 0
    assert rest is not None
    assert b"daemon-stopped" in rest


async def test_a_file_can_be_checked_without_running_it(server: Server) -> None:
    server.write("alps", "plain")
    done = await server.shell.run("daemon", str(server.file), "--check", "--no-quiet")
    assert done.code == 2, "an option it does not have"
    server.file.write_text(server.file.read_text().replace('"json"', '"console"'))
    done = await server.shell.run("daemon", str(server.file), "--check")
    assert (done.code, done.err) == (0, f"{server.file} is in order: 2 archives\n")
    server.write("alps\ncolud = 3")
    done = await server.shell.run("daemon", str(server.file), "--check")
    assert done.code == 2
    assert "line 8" in done.err
    assert "Did you mean cloud" in done.err
    assert not (server.folder / "alps").exists()
