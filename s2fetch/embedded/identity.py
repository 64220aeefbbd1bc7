"""The identity service: OpenID Connect password and refresh grants, sessions, second factors.

Source: Copernicus Data Space documentation (token generation, two-factor authentication, quotas);
error bodies as Keycloak gives them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import uuid
from collections.abc import Iterable, Mapping

import msgspec
import pyotp

from s2fetch.clock import Clock
from s2fetch.embedded.answers import (
    access_forbidden,
    invalid_grant,
    token_expired,
    token_missing,
    wrong_audience,
)
from s2fetch.embedded.faults import Answer
from s2fetch.embedded.stats import Stats

PUBLIC_CLIENT = "cdse-public"
REALM_PATH = "/auth/realms/CDSE"
_AUDIENCE = ("CLOUDFERRO_PUBLIC", "account")
_SCOPE = "AUDIENCE_PUBLIC openid email profile user-context"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account.

    Attributes:
        name: Login name.
        password: Its password.
        totp_secret: Base-32 secret of the second factor; empty for accounts without one.
        disabled: The account is locked.
        incomplete: The account is not fully set up (terms not accepted, e-mail not confirmed).
        entitled: Whether products may be downloaded.
    """

    name: str
    password: str
    totp_secret: str = ""
    disabled: bool = False
    incomplete: bool = False
    entitled: bool = True


class TokenPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Lifetimes and limits.

    Attributes:
        access_seconds: Life of an access token.
        refresh_seconds: Life of a refresh token, counted from its access token's creation.
        most_sessions: Open sessions per user.
        rotate_refresh_tokens: Whether a refresh token can be used only once.
    """

    access_seconds: int = 600
    refresh_seconds: int = 3600
    most_sessions: int = 100
    rotate_refresh_tokens: bool = False


class Session(msgspec.Struct):
    """One login. ``refresh_tokens`` maps tokens to when they expire, in monotonic seconds."""

    id: str
    user: str
    refresh_tokens: dict[str, float]

    def open(self, now: float) -> bool:
        """Whether it can still be renewed."""
        return any(expires > now for expires in self.refresh_tokens.values())


class Access(msgspec.Struct, frozen=True):
    """What an access token stands for."""

    user: str
    session: str
    expires: float
    client: str


class IdentityService:
    """Issues tokens and knows what they are worth.

    Args:
        users: The accounts.
        clock: Where time comes from.
        stats: Where logins, renewals and sessions are counted.
        policy: Lifetimes and limits; may be replaced at any time.
        issuer: URL of the realm, a claim of the tokens.
    """

    def __init__(
        self,
        users: Iterable[User],
        clock: Clock,
        stats: Stats,
        policy: TokenPolicy,
        issuer: str = "",
    ) -> None:
        self.policy = policy
        self.issuer = issuer
        self._users = {user.name: user for user in users}
        self._clock = clock
        self._stats = stats
        self._sessions: dict[str, Session] = {}
        self._access: dict[str, Access] = {}
        self._numbers = itertools.count(1)
        self._key = uuid.uuid4().bytes

    def set_user(self, user: User) -> None:
        """Add an account or replace it."""
        self._users[user.name] = user

    def token(self, form: Mapping[str, str]) -> Answer:
        """Answer a POST to the token endpoint."""
        self._forget_old()
        match form.get("grant_type"):
            case "password":
                answer = self._password(form)
            case "refresh_token":
                answer = self._refresh(form)
            case "client_credentials" if form.get("client_id", "").startswith("sh-"):
                session = Session(str(uuid.uuid4()), "", {})
                answer = self._issue(session, form["client_id"])
            case _:
                body = {"error": "unsupported_grant_type"}
                answer = Answer(400, msgspec.json.encode(body).decode())
        if answer.status != 200:
            self._stats.refused_tokens += 1
        return answer

    def logout(self, form: Mapping[str, str]) -> Answer:
        """End the session of a refresh token (OpenID Connect, Keycloak's back channel)."""
        session = self._session_of(form.get("refresh_token", ""))
        if session is None:
            return invalid_grant(400, "Invalid refresh token")
        self._end(session)
        self._stats.logouts += 1
        return Answer(204)

    def authorise(self, token: str) -> str | Answer:
        """The user a download may be counted to, or the refusal.

        Args:
            token: The access token; empty if the request has none.
        """
        if not token:
            return token_missing()
        access = self._access.get(token)
        if access is None or access.expires <= self._clock.monotonic():
            return token_expired()
        if access.client != PUBLIC_CLIENT:
            return wrong_audience()
        user = self._users.get(access.user)
        return access.user if user is not None and user.entitled else access_forbidden()

    def expire_tokens(self) -> None:
        """Let every access token expire now."""
        self._access.clear()

    def end_sessions(self) -> None:
        """End every session now."""
        for session in list(self._sessions.values()):
            self._end(session)

    @property
    def open_sessions(self) -> int:
        """How many sessions can still be renewed."""
        now = self._clock.monotonic()
        return sum(session.open(now) for session in self._sessions.values())

    def _password(self, form: Mapping[str, str]) -> Answer:
        user = self._users.get(form.get("username", ""))
        if form.get("client_id") != PUBLIC_CLIENT:
            body = {"error": "invalid_client", "error_description": "Invalid client credentials"}
            return Answer(401, msgspec.json.encode(body).decode())
        if user is None or not hmac.compare_digest(
            user.password.encode(), form.get("password", "").encode()
        ):
            return invalid_grant(401, "Invalid user credentials")
        if user.disabled:
            return invalid_grant(400, "Account disabled")
        if user.totp_secret and not self._second_factor(user, form.get("totp", "")):
            return invalid_grant(401, "Invalid user credentials")
        if user.incomplete:
            return invalid_grant(400, "Account is not fully set up")
        now = self._clock.monotonic()
        mine = [session for session in self._sessions.values() if session.user == user.name]
        if sum(session.open(now) for session in mine) >= self.policy.most_sessions:
            return invalid_grant(401, "There are too many sessions")
        session = Session(str(uuid.uuid4()), user.name, {})
        self._sessions[session.id] = session
        self._stats.logins += 1
        return self._issue(session, PUBLIC_CLIENT)

    def _second_factor(self, user: User, code: str) -> bool:
        return pyotp.TOTP(user.totp_secret).verify(code, for_time=self._clock.now(), valid_window=1)

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        token = form.get("refresh_token", "")
        session = self._session_of(token)
        if session is None:
            return invalid_grant(400, "Session not active")
        user = self._users.get(session.user)
        if session.refresh_tokens[token] <= self._clock.monotonic():
            return invalid_grant(400, "Token is not active")
        if user is None or user.disabled:
            return invalid_grant(400, "User disabled")
        if self.policy.rotate_refresh_tokens:
            del session.refresh_tokens[token]
        self._stats.refreshes += 1
        return self._issue(session, PUBLIC_CLIENT)

    def _issue(self, session: Session, client: str) -> Answer:
        policy, now = self.policy, self._clock.monotonic()
        access = self._signed(session, client, "Bearer", policy.access_seconds)
        refresh = self._signed(session, client, "Refresh", policy.refresh_seconds)
        self._access[access] = Access(session.user, session.id, now + policy.access_seconds, client)
        session.refresh_tokens[refresh] = now + policy.refresh_seconds
        self._stats.most_open_sessions = max(self._stats.most_open_sessions, self.open_sessions)
        body = {
            "access_token": access,
            "expires_in": policy.access_seconds,
            "refresh_expires_in": policy.refresh_seconds,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "session_state": session.id,
            "scope": _SCOPE,
        }
        return Answer(200, msgspec.json.encode(body).decode())

    def _signed(self, session: Session, client: str, kind: str, seconds: int) -> str:
        """A JSON Web Token in shape; its signature is not one that anybody can check."""
        issued = int(self._clock.now().timestamp())
        header = {"alg": "RS256", "typ": "JWT", "kid": "embedded"}
        claims = {
            "exp": issued + seconds,
            "iat": issued,
            "jti": f"{uuid.uuid4()}-{next(self._numbers)}",
            "iss": self.issuer,
            "aud": _AUDIENCE if client == PUBLIC_CLIENT else (client,),
            "sub": str(uuid.uuid5(uuid.NAMESPACE_OID, session.user)),
            "typ": kind,
            "azp": client,
            "session_state": session.id,
            "sid": session.id,
            "preferred_username": session.user,
        }
        text = f"{_base64(msgspec.json.encode(header))}.{_base64(msgspec.json.encode(claims))}"
        return f"{text}.{_base64(hmac.digest(self._key, text.encode(), hashlib.sha256))}"

    def _session_of(self, refresh_token: str) -> Session | None:
        for session in self._sessions.values():
            if refresh_token in session.refresh_tokens:
                return session
        return None

    def _end(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        for token in [key for key, one in self._access.items() if one.session == session.id]:
            del self._access[token]

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        self._access = {token: one for token, one in self._access.items() if one.expires > now}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
