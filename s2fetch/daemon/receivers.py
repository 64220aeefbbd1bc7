"""Who gets alerts, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp

from s2fetch.account.secret import read_secret
from s2fetch.clock import Clock
from s2fetch.daemon.alert_delivery import CommandReceiver, Receiver
from s2fetch.daemon.values import AlertsConfig, WebhookConfig
from s2fetch.daemon.webhook import Webhook


def make_receivers(
    config: AlertsConfig,
    *,
    session: aiohttp.ClientSession,
    clock: Clock,
    environ: Mapping[str, str],
    proxy_for: Callable[[str], str | None] = lambda _: None,
) -> tuple[Receiver, ...]:
    """Commands first, then webhooks. Reads the secrets' files: for a worker thread.

    Raises:
        UsageError: If a secret cannot be used, or a proxy.
    """

    def webhook(hook: WebhookConfig) -> Webhook:
        path = hook.secret_file
        return Webhook(
            hook.url,
            None if path is None else read_secret(path, environ),
            session=session,
            clock=clock,
            proxy_for=proxy_for,
            attempts=hook.attempts,
        )

    commands = (
        CommandReceiver(command.arguments, seconds=command.limit_seconds, environ=environ)
        for command in config.commands
    )
    for hook in config.webhooks:
        proxy_for(hook.url)  # a proxy that cannot be used is told now, and not by the first alert
    return (*commands, *(webhook(hook) for hook in config.webhooks))
