"""Delivers alerts by HTTP: signed, retried, and never to another place than the configured one.

The signature is an HMAC-SHA256 (RFC 2104) over the time, a full stop and the body, as hexadecimal
digits. A receiver computes it anew, compares in constant time, and refuses old times:

    S2fetch-Timestamp: 1795190400
    S2fetch-Signature: sha256=<hex of HMAC-SHA256(secret, "1795190400." + body)>
    S2fetch-Delivery: <the same in every attempt>
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import msgspec

from s2fetch import __version__
from s2fetch.clock import Clock
from s2fetch.daemon.alert_delivery import DeliveryError
from s2fetch.daemon.alerts import Alert
from s2fetch.errors import UsageError
from s2fetch.network import describe, parse_retry_after, why_untrusted
from s2fetch.retry import Transient, repeating

ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 600.0
ATTEMPT_SECONDS = 30.0
_PASSING = frozenset({408, 425, 429})


class Webhook:
    """Delivers alerts to one URL.

    Args:
        url: Where to; never shown, because it may hold a secret itself.
        secret: What deliveries are signed with, or None.
        session: For the requests.
        proxy_for: The proxy for a URL, or None.
        clock: Where the time comes from.
        attempts: How often to try.
    """

    def __init__(
        self,
        url: str,
        secret: bytes | None,
        *,
        session: aiohttp.ClientSession,
        clock: Clock,
        proxy_for: Callable[[str], str | None] = lambda _: None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.name = f"webhook at {urlsplit(url).hostname}"
        self._url = url
        self._secret = secret
        self._session = session
        self._proxy_for = proxy_for
        self._clock = clock
        self._attempts = attempts

    async def send(self, alert: Alert) -> None:
        """Deliver an alert; trying can take minutes.

        Raises:
            DeliveryError: If it was refused, or could not be delivered in all attempts.
        """
        body = msgspec.json.encode(alert)
        trying = repeating(
            attempts=self._attempts,
            first=FIRST_PAUSE_SECONDS,
            longest=LONGEST_PAUSE_SECONDS,
            sleep=self._clock.sleep,
        )
        try:
            async for attempt in trying:
                with attempt:
                    await self._post(body, alert.id)
        except Transient as error:
            raise DeliveryError(f"{error}; it was tried {self._attempts} times") from error

    async def _post(self, body: bytes, delivery: str) -> None:
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers=self._headers(body, delivery),
                allow_redirects=False,
                proxy=self._proxy_for(self._url),
                timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS),
            ) as answer:
                self._judge(answer)
        except aiohttp.ClientConnectorCertificateError as error:
            raise DeliveryError(
                f"its TLS certificate is not trusted: {why_untrusted(error)}"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Transient(describe(error)) from error
        except UsageError as error:  # the environment's proxy is none
            raise DeliveryError(str(error)) from error

    def _judge(self, answer: aiohttp.ClientResponse) -> None:
        told = f"it answered {answer.status} {answer.reason or ''}".rstrip()
        if answer.status in _PASSING or answer.status >= 500:
            headers = answer.headers
            wait = parse_retry_after(
                headers.get("Retry-After"), headers.get("Date"), now=self._clock.now()
            )
            raise Transient(told, retry_after=wait)
        if 300 <= answer.status < 400:
            raise DeliveryError(f"{told}, and redirects are not followed")
        if not answer.ok:
            raise DeliveryError(told)

    def _headers(self, body: bytes, delivery: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"s2fetch/{__version__}",
            "S2fetch-Delivery": delivery,
        }
        if self._secret is not None:
            now = str(int(self._clock.now().timestamp()))
            headers["S2fetch-Timestamp"] = now
            headers["S2fetch-Signature"] = signature(self._secret, now, body)
        return headers


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What ``S2fetch-Signature`` has to be for a body sent at that time."""
    digest = hmac.new(secret, timestamp.encode() + b"." + body, "sha256").hexdigest()
    return f"sha256={digest}"
