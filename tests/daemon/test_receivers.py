"""Receivers are made as the configuration says."""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestServer

from s2fetch.daemon.alerts import AlertRules
from s2fetch.daemon.receivers import make_receivers
from s2fetch.daemon.values import AlertsConfig, HookConfig, WebhookConfig
from tests.clock import FakeClock
from tests.daemon.test_webhook import ALERT, Receiver, receiver, server

__all__ = ["receiver", "server"]


async def test_commands_and_webhooks_get_alerts_signed_with_the_files_secret(
    clock: FakeClock, tmp_path: Path, receiver: Receiver, server: TestServer
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef\n")
    secret.chmod(0o600)
    out = tmp_path / "out"
    config = AlertsConfig(
        rules=AlertRules(),
        commands=(HookConfig(arguments=("tee", str(out)), limit_seconds=60),),
        webhooks=(
            WebhookConfig(url=str(server.make_url("/hook")), secret_file=secret, attempts=1),
        ),
    )
    async with aiohttp.ClientSession() as session:
        made = make_receivers(config, session=session, clock=clock, environ=os.environ)
        assert [each.name for each in made] == ["command tee", "webhook at 127.0.0.1"]
        for each in made:
            await each.send(ALERT)
    assert b"the disk is full" in out.read_bytes()
    assert receiver.came[0][0]["S2fetch-Signature"].startswith("sha256=")


def test_the_address_of_a_webhook_is_not_shown() -> None:
    """It may be all that is needed to post in an operator's name."""
    hook = WebhookConfig(url="https://hooks.example.org/T0/secret", secret_file=None, attempts=1)
    assert "secret" not in repr(hook)
    assert "hooks.example.org" in repr(hook)
