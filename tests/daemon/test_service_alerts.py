"""Alerts of a whole daemon: from what goes wrong to those who want to know. Only time is a fake."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from aiohttp import web

from s2fetch.account.ledger import Ledger, ledger_folder
from s2fetch.account.pacing import hour_of
from s2fetch.daemon.config import load_daemon_config
from s2fetch.daemon.service import Service
from s2fetch.daemon.webhook import signature
from s2fetch.embedded.entry import hub_time
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.hub import EmbeddedHub
from tests.conftest import HubFactory
from tests.hub.proxy import Proxy
from tests.sync.clock import JumpingClock
from tests.sync.site import body_of, catalogue_of, entry_of, off_loop

SECRET = "0123456789abcdef-of-the-webhook"
PATIENCE_SECONDS = 30.0
TELL = "cat >> $0; echo $S2FETCH_ALERT_RULE >> $0"
"""A shell script that keeps what it is told in a file."""


class Receiver:
    """Gets webhooks, refuses the first one, and checks every signature.

    Attributes:
        alerts: What it was told, in order.
        url: Where it listens.
        deaf: Set it to an event to have nothing taken before that, and nothing answered.
        asked: How often it was.
    """

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.url = ""
        self.deaf: anyio.Event | None = None
        self.asked = 0
        self._refusals = 1

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.deaf is not None:
            await self.deaf.wait()
            return web.Response(status=503)
        if self._refusals:
            self._refusals -= 1
            return web.Response(status=503)
        body = await request.read()
        told = signature(SECRET.encode(), request.headers["S2fetch-Timestamp"], body)
        assert request.headers["S2fetch-Signature"] == told
        self.alerts.append(msgspec.json.decode(body))
        return web.Response()

    def told(self, rule: str, event: str) -> list[dict[str, Any]]:
        """The alerts of one kind."""
        return [a for a in self.alerts if (a["rule"], a["event"]) == (rule, event)]

    async def until(self, rule: str, event: str = "began") -> dict[str, Any]:
        """Wait for an alert."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while not self.told(rule, event):
                await anyio.sleep(0.005)
        return self.told(rule, event)[0]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def alarmed_hub(hub_factory: HubFactory, jumping: JumpingClock) -> EmbeddedHub:
    """A hub with four products."""
    bodies = (body_of(2000, number) for number in range(4))
    return await hub_factory(catalogue_of(*bodies), clock=jumping)


@asynccontextmanager
async def serving(
    hub: EmbeddedHub,
    clock: JumpingClock,
    folder: Path,
    receiver: Receiver,
    archive: str = 'reserve = "0 B"',
) -> AsyncIterator[Service]:
    """A daemon with one archive and one webhook."""
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o600)
    file = folder / "daemon.toml"
    file.write_text(
        f'[[archives]]\nname = "alps"\ninto = "alps"\nschedule = "1h"\n{archive}\n'
        '[http]\nenabled = false\n[control]\nsocket = "control.sock"\n'
        '[alerts]\nnothing-new = "6h"\ninterval = "0s"\n'
        f'[[alerts.webhooks]]\nurl = "{receiver.url}"\nsecret-file = "secret"\n'
        f'[[alerts.commands]]\ncommand = ["sh", "-c", "{TELL}", "{folder}/told"]\n'
    )
    environ = {**hub.environment(), "S2FETCH_STATE_DIR": str(folder / "state"), "PATH": os.defpath}
    config = off_loop(lambda: load_daemon_config(file, environ, clock.now()))
    service = Service(file, config, environ=environ, home=folder, user=os.getuid(), clock=clock)
    with anyio.fail_after(2 * PATIENCE_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(service.run)
            while not service.daemon.state().archives:
                await anyio.sleep(0.005)
            yield service
            service.daemon.stop()


async def test_a_run_that_fails_is_told_once_and_when_it_is_over(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    alarmed_hub.faults.add(broken)
    async with serving(alarmed_hub, jumping, tmp_path, receiver):
        began = await receiver.until("run-failed")
        await jumping.sleep(5 * 3600)
        assert len(receiver.told("run-failed", "began")) == 1, "five runs failed"
        alarmed_hub.faults.remove(broken)
        ended = await receiver.until("run-failed", "ended")
    assert began["subject"] == ended["subject"] == "alps"
    assert "does not accept the query" in began["message"]
    assert ended["since"] == began["since"]


async def test_an_alert_that_was_under_way_when_the_daemon_ended_is_delivered_by_the_next(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    alarmed_hub.faults.add(Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None))
    receiver.deaf = anyio.Event()
    async with serving(alarmed_hub, jumping, tmp_path, receiver) as service:
        with anyio.fail_after(PATIENCE_SECONDS):
            while not receiver.asked or not any(
                alert.rule == "run-failed" for alert in service.daemon.state().alerts
            ):
                await anyio.sleep(0.005)
    receiver.deaf.set()
    receiver.deaf = None
    async with serving(alarmed_hub, jumping, tmp_path, receiver):
        began = await receiver.until("run-failed")
        assert began["subject"] == "alps"
        assert len(receiver.told("run-failed", "began")) == 1


async def test_nothing_new_for_long_is_told_until_something_comes(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    async with serving(alarmed_hub, jumping, tmp_path, receiver):
        began = await receiver.until("nothing-new")
        assert began["subject"] == "alps"
        body, at = body_of(3000, 9), hub_time(jumping.now())
        listed = {"publication_date": at, "modification_date": at, "checksum_date": at}
        alarmed_hub.folder.add(entry_of(9, body, **listed), body)
        await receiver.until("nothing-new", "ended")


async def test_a_refused_account_is_told(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    wrong = Answer(401, '{"error":"invalid_grant"}')
    alarmed_hub.faults.add(Fault(wrong, on=Kind.TOKEN))
    async with serving(alarmed_hub, jumping, tmp_path, receiver):
        began = await receiver.until("account-refused")
        assert began["subject"] == alarmed_hub.users[0].name
        await receiver.until("account-refused", "ended")


async def test_a_full_disk_is_told_and_over_when_the_floor_is_lowered(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    """The run that waits for space does not go on waiting for what nobody wants any more."""
    full = 'reserve = "9000 TB"'
    async with serving(alarmed_hub, jumping, tmp_path, receiver, full) as service:
        began = await receiver.until("disk-floor")
        assert began["subject"] == "alps"
        assert "9.00 PB is to be left" in began["message"]
        assert [alert.rule for alert in service.daemon.state().alerts] == ["disk-floor"]
        file = tmp_path / "daemon.toml"
        file.write_text(file.read_text().replace(full, 'reserve = "0 B"'))
        await service.reload()
        await receiver.until("disk-floor", "ended")
        with anyio.fail_after(PATIENCE_SECONDS):
            while service.daemon.state().archives[0].products.get("complete", 0) < 4:
                await anyio.sleep(0.005)
    assert not service.daemon.state().alerts


async def test_a_pace_that_leads_beyond_the_quota_is_told(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    user = alarmed_hub.users[0].name
    ledger = Ledger(ledger_folder(tmp_path / "state", alarmed_hub.token_url, user))
    off_loop(lambda: ledger.append(hour_of(jumping.now()), 3_000_000_000))
    async with serving(
        alarmed_hub, jumping, tmp_path, receiver, 'reserve = "0 B"\nquota = "40 GB"'
    ):
        began = await receiver.until("quota-pace")
    assert began["subject"] == user


async def test_a_damaged_file_is_told_and_fetched_again(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    """What a scrub finds; half of the period later, as younger proofs are good."""
    archive = 'reserve = "0 B"\nscrub-period = "1h"'
    async with serving(alarmed_hub, jumping, tmp_path, receiver, archive) as service:
        with anyio.fail_after(PATIENCE_SECONDS):
            while service.daemon.state().archives[0].products.get("complete", 0) < 4:
                await anyio.sleep(0.005)
        (file, *_) = sorted((tmp_path / "alps").glob("*.zip"))
        whole = file.read_bytes()
        file.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        began = await receiver.until("damage")
        assert began["subject"] == "alps"
        await receiver.until("damage", "ended")
        assert file.read_bytes() == whole


async def test_a_command_is_told_the_same(
    alarmed_hub: EmbeddedHub, jumping: JumpingClock, tmp_path: Path, receiver: Receiver
) -> None:
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    alarmed_hub.faults.add(broken)
    told = tmp_path / "told"
    async with serving(alarmed_hub, jumping, tmp_path, receiver):
        began = await receiver.until("run-failed")
        with anyio.fail_after(PATIENCE_SECONDS):
            while not told.exists() or b"run-failed\n" not in told.read_bytes():
                await anyio.sleep(0.005)
    line = told.read_bytes().splitlines()[0]
    assert msgspec.json.decode(line)["id"] == began["id"]


async def test_webhooks_go_through_the_proxy_of_the_environment(
    alarmed_hub: EmbeddedHub,
    jumping: JumpingClock,
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    alarmed_hub.faults.add(broken)
    async with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        async with serving(alarmed_hub, jumping, tmp_path, receiver):
            await receiver.until("run-failed")
        assert any(receiver.url in line for line in proxy.lines)
