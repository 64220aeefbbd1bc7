"""Access tokens of one account: one session, renewed once for all who wait.

Protocol: OpenID Connect password and refresh grants (RFC 6749 4.3 and 6) as the Copernicus Data
Space documents them: ten minutes for an access token, sixty for a refresh token, at most one
hundred sessions per user, a session for every password login.
"""

from __future__ import annotations

import json
import math
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anyio
import msgspec

from s2fetch.account.credentials import Credentials
from s2fetch.account.second_factor import one_time_code
from s2fetch.clock import Clock
from s2fetch.errors import (
    AccountError,
    AccountLockedError,
    HubError,
    S2FetchError,
    SecondFactorError,
    SessionLimitError,
    WrongPasswordError,
)
from s2fetch.events import EventBus, HubPaused, HubResumed, TokenObtained
from s2fetch.network import describe, parse_retry_after, untrusted_certificate
from s2fetch.retry import Transient, repeating
from s2fetch.units import format_duration

RENEWAL_MARGIN_SECONDS = 60.0
"""A token with less life than this is renewed before it is used (never more than half its life)."""
NEW_SHARE = 0.5
"""A token that has lived for less than this share of its life is not taken for expired."""
REFUSED_PAUSES_SECONDS = (15.0, 60.0)
"""Pauses before asking again when an account that worked in this run is refused: the service has
answered "invalid credentials" for good ones. Few, because repeated failures can lock an account."""
LOGOUT_SECONDS = 5.0
"""Longest time spent on ending the session at the end of a run."""
UNAVAILABLE_ATTEMPTS = 6
"""How often an identity service that answers 5xx, 429 or not at all is asked by a first login. An
account that worked in this run is worth more patience: see `Tokens`."""
ANSWER_SECONDS = 60.0
"""Longest time for an answer of the identity service."""


class _Grant(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 600
    refresh_token: str = ""
    refresh_expires_in: float = 0

    def __repr__(self) -> str:
        return f"<_Grant for {self.expires_in} s>"  # never the tokens


class _Answer(msgspec.Struct, frozen=True):
    """What the token endpoint said, and when it was asked (monotonic seconds)."""

    status: int
    body: bytes
    asked: float
    grant: _Grant | None = None

    def __repr__(self) -> str:
        return f"<_Answer {self.status}>"


class Tokens:
    """The token of one account.

    Args:
        account: Name used in events.
        credentials: User, password and the optional secret of the second factor.
        url: The token endpoint.
        client_id: The public OpenID client.
        session: Where requests are made.
        proxy: Through which proxy, if any.
        clock: Where the time comes from.
        events: Who is told about new tokens, and about waits.
        give_up_after: For how many seconds an identity service that cannot be used is asked again
            when the account has worked in this run.
        answer_timeout: Longest time for one answer, in seconds.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        *,
        url: str,
        client_id: str,
        session: aiohttp.ClientSession,
        proxy: str | None = None,
        clock: Clock,
        events: EventBus,
        give_up_after: float = 900.0,
        answer_timeout: float = ANSWER_SECONDS,
    ) -> None:
        self.account = account
        self._credentials = credentials
        self._url = url
        self._client_id = client_id
        self._session = session
        self._proxy = proxy
        self._clock = clock
        self._events = events
        self._give_up_after = give_up_after
        self._answer_timeout = answer_timeout
        self._lock = anyio.Lock()
        self._grant: _Grant | None = None
        self._renew_at = 0.0
        self._refresh_until = 0.0
        self._expires_at = 0.0
        self._paused = False
        self._refused: S2FetchError | None = None
        self._failed: HubError | None = None
        self.logins = 0

    def __repr__(self) -> str:
        return f"<Tokens of {self.account}: {'one' if self._grant else 'none'}>"

    @property
    def refusal(self) -> S2FetchError | None:
        """Why the account cannot be used any more, or None."""
        return self._refused

    @property
    def seconds_left(self) -> float | None:
        """How long the present token lives, or None when there is none."""
        left = self._expires_at - self._clock.monotonic()
        return left if self._grant is not None and left > 0 else None

    async def get(self) -> str:
        """A token that is valid for the next request. All callers share one login.

        Raises:
            AccountError: If the account is refused; once refused, always, without asking again.
            HubError: If the identity service cannot be reached; to all who waited meanwhile.
        """
        if (token := self._fresh()) is not None:
            return token
        known = self._failed
        async with self._lock:
            if (token := self._fresh()) is not None:
                return token
            if self._refused is not None:
                raise self._refused
            if self._failed is not None and self._failed is not known:
                raise self._failed
            try:
                await self._obtain()
            except HubError as error:
                self._failed = error
                raise
            assert self._grant is not None  # noqa: S101 - set by _obtain
            return self._grant.access_token

    async def check(self) -> None:
        """Log in, unless that has been done; raises as `get`."""
        await self.get()

    def refuse(self, token: str) -> None:
        """Say that a hub did not accept this token; the next `get` renews it.

        Naming the token makes ten complaints about one token cost one renewal.
        """
        if self._grant is not None and self._grant.access_token == token:
            self._renew_at = 0.0

    def doubt(self, token: str) -> bool:
        """Say that a hub failed as over an expired token: it has answered such by 500.

        Of one that is new that is not believed, so that a hub that fails over everything costs a
        renewal now and then and not one for every request.
        """
        grant = self._grant
        if grant is not None and grant.access_token == token:
            left = self._expires_at - self._clock.monotonic()
            if left > grant.expires_in * (1 - NEW_SHARE):
                return False
        self.refuse(token)
        return True

    async def logout(self) -> None:
        """End the session (OpenID Connect RP-Initiated Logout, by refresh token). Never fails."""
        grant, self._grant = self._grant, None
        if grant is None or not grant.refresh_token or not self._url.endswith("/token"):
            return
        if self._session.closed:
            return
        url = self._url.removesuffix("/token") + "/logout"
        form = {"client_id": self._client_id, "refresh_token": grant.refresh_token}
        with anyio.move_on_after(LOGOUT_SECONDS, shield=True):
            try:
                async with self._session.post(
                    url, data=form, allow_redirects=False, proxy=self._proxy
                ):
                    return
            except (aiohttp.ClientError, OSError, TimeoutError):
                return  # the session ends by itself when its token does

    def _fresh(self) -> str | None:
        if self._grant is not None and self._clock.monotonic() < self._renew_at:
            return self._grant.access_token
        return None

    async def _obtain(self) -> None:
        started = self._clock.monotonic()
        answer = await self._renew()
        renewed = answer is not None
        if answer is None:
            answer = await self._login()
        grant = answer.grant
        assert grant is not None  # noqa: S101 - an answer without one was refused
        margin = min(RENEWAL_MARGIN_SECONDS, grant.expires_in / 2)
        self._expires_at = answer.asked + grant.expires_in
        self._renew_at = self._expires_at - margin
        # A service that does not say how long it can be renewed is simply asked.
        life = grant.refresh_expires_in if grant.refresh_expires_in > 0 else math.inf
        self._refresh_until = answer.asked + life - margin
        self._grant = grant
        self._events.emit(
            TokenObtained(
                account=self.account, renewed=renewed, seconds=self._clock.monotonic() - started
            )
        )

    async def _renew(self) -> _Answer | None:
        """By refresh token; None when that is not possible, so that a login has to follow."""
        old = self._grant
        if old is None or not old.refresh_token or self._clock.monotonic() >= self._refresh_until:
            return None
        answer = await self._post(
            {"grant_type": "refresh_token", "refresh_token": old.refresh_token}
        )
        if answer.grant is None:
            return None
        if answer.grant.refresh_token:
            return answer
        # The service need not rotate it; the old one stays valid inside its window.
        left = self._refresh_until - answer.asked
        kept = msgspec.structs.replace(
            answer.grant, refresh_token=old.refresh_token, refresh_expires_in=left
        )
        return msgspec.structs.replace(answer, grant=kept)

    async def _login(self) -> _Answer:
        pauses = iter(REFUSED_PAUSES_SECONDS if self.logins else ())
        while True:
            form = {
                "grant_type": "password",
                "username": self._credentials.user,
                "password": self._credentials.password,
            }
            if self._credentials.totp_secret:
                form["totp"] = self._one_time_code(self._credentials.totp_secret)
            answer = await self._post(form)
            if answer.grant is not None:
                self.logins += 1
                return answer
            error = self._classify(answer.status, answer.body)
            pause = next(pauses, None)
            if pause is None:
                self._refused = error
                raise error
            await self._clock.sleep(pause)

    def _one_time_code(self, secret: str) -> str:
        try:
            return one_time_code(secret, self._clock.now())
        except ValueError as error:
            raise SecondFactorError(
                f"the secret of the second factor of account {self._credentials.user} "
                "is not a base32 text",
                advice="Copy the secret shown when the authenticator was set up into totp-secret",
            ) from error

    async def _post(self, form: dict[str, str]) -> _Answer:
        host = urlsplit(self._url).netloc
        started = self._clock.monotonic()

        def tell(reason: str, seconds: float) -> None:
            self._paused = True
            self._events.emit(
                HubPaused(host=host, account="", seconds=seconds, reason=reason, down=True)
            )

        retrying = repeating(
            attempts=UNAVAILABLE_ATTEMPTS,
            first=1.0,
            longest=60.0,
            sleep=self._clock.sleep,
            patient=lambda: (
                self.logins > 0 and self._clock.monotonic() - started < self._give_up_after
            ),
            pausing=tell,
        )
        try:
            answer: _Answer = await retrying(
                self._post_once, {"client_id": self._client_id, **form}
            )
        except Transient as error:
            raise HubError(
                f"the identity service {host} cannot be used: {error}",
                did=f"Asked for {format_duration(self._clock.monotonic() - started)}",
                advice="Check the network and the service's status page, then run again",
            ) from error
        if self._paused:
            self._paused = False
            self._events.emit(HubResumed(host=host))
        return answer

    async def _post_once(self, form: dict[str, str]) -> _Answer:
        asked = self._clock.monotonic()
        try:
            with anyio.fail_after(self._answer_timeout):
                async with self._session.post(
                    self._url, data=form, allow_redirects=False, proxy=self._proxy
                ) as answer:
                    body = await answer.read()
        except aiohttp.ClientConnectorCertificateError as error:
            raise untrusted_certificate(urlsplit(self._url).netloc, error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Transient(describe(error)) from error
        if answer.status == 200:
            return _Answer(200, body, asked, _decode(body))
        limit = _describes_session_limit(body)
        if answer.status >= 500 or (answer.status == 429 and not limit):
            after = parse_retry_after(
                answer.headers.get("Retry-After"), answer.headers.get("Date"), now=self._clock.now()
            )
            raise Transient(f"status {answer.status}", retry_after=after)
        return _Answer(answer.status, body, asked)

    def _classify(self, status: int, body: bytes) -> S2FetchError:
        """Turn a refusal into the error whose message helps."""
        user = self._credentials.user
        host = urlsplit(self._url).netloc
        text = _description(body)
        lower = text.lower()
        said = f'{host} answered {status} "{text}"' if text else f"{host} answered {status}"
        if _describes_session_limit(body):
            return SessionLimitError(
                f"account {user} has too many open sessions: {said}",
                advice="Log out elsewhere (browser, scripts) or wait an hour, then run again",
            )
        if any(word in lower for word in ("disabled", "locked", "not fully set up")):
            return AccountLockedError(
                f"account {user} is locked or not ready for use: {said}",
                advice="Log in with a browser and follow what the service asks for",
            )
        if any(word in lower for word in ("totp", "otp", "one-time", "second factor")):
            return SecondFactorError(
                f"account {user} needs a second factor: {said}",
                advice="Set S2FETCH_TOTP_SECRET or totp-secret in the credentials file",
            )
        if status in (400, 401, 403):
            return self._wrong_password(user, said)
        return HubError(
            f"the identity service cannot be used: {said}", advice="Check token-url and client-id"
        )

    def _wrong_password(self, user: str, said: str) -> AccountError:
        if self._credentials.totp_secret:
            return SecondFactorError(
                f"user, password or one-time code of account {user} was refused: {said}",
                advice="Check the password, the secret of the second factor and this machine's "
                "clock",
            )
        return WrongPasswordError(
            f"user or password of account {user} was refused: {said}",
            advice="Check both by logging in with a browser. If the account has a second factor, "
            "the service answers the same: set S2FETCH_TOTP_SECRET",
        )


def _decode(body: bytes) -> _Grant:
    try:
        grant = msgspec.json.decode(body, type=_Grant, strict=False)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Transient(f"its answer is not a token: {error}") from error
    if not grant.access_token:
        raise Transient("its answer is not a token: it is empty")
    return grant


def _description(body: bytes) -> str:
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    text = str(answer.get("error_description") or answer.get("error") or "")
    return text[:200]


def _describes_session_limit(body: bytes) -> bool:
    text = body[:2000].decode("utf-8", "replace").lower()
    return "session" in text and any(w in text for w in ("exceed", "limit", "maximum", "too many"))
