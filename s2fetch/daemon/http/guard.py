"""Who may ask what, and the headers that keep a browser from being used against the daemon.

Against pages of other sites in the operator's browser: the ``Host`` has to be one of ours (DNS
rebinding), requests that another site began are refused (``Sec-Fetch-Site``, W3C Fetch Metadata,
else ``Origin``), nothing is shared across origins, and what changes state needs a token that no
browser sends by itself.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from hashlib import sha256
from http import HTTPStatus

from aiohttp import web

from s2fetch.config.values import is_loopback
from s2fetch.daemon.http.problems import RefusedError, problem_answer
from s2fetch.daemon.http.settings import HttpSettings, Tokens
from s2fetch.errors import S2FetchError, UsageError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""Content Security Policy Level 3: the page's own files and nothing else, no script as text."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "s2fetch",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MOST_BODY_BYTES = 16_384
"""No operation takes a body, but a client may send an empty object or form."""
_ASK_FOR_TOKEN = {"WWW-Authenticate": 'Bearer realm="s2fetch"'}


class Need(Enum):
    """What a request needs."""

    NOTHING = "nothing"
    """The page's own files: the same in every installation."""
    READ = "read"
    """Nothing on loopback; a token or client certificate elsewhere."""
    CHANGE = "change"
    """The token for changes; where there is none, a client certificate."""


class Guard:
    """Lets requests in.

    Args:
        settings: Whom to answer.
        tokens: What they have to show.
    """

    def __init__(self, settings: HttpSettings, tokens: Tokens) -> None:
        self._settings = settings
        self._digests = _digests(tokens)
        self._names = {name.lower().rstrip(".") for name in settings.names}

    def renew(self, tokens: Tokens) -> bool:
        """Take other tokens.

        Returns:
            Whether any is another one.
        """
        before, self._digests = self._digests, _digests(tokens)
        return before != self._digests

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse other hosts, and give every failure the one form."""
        try:
            self._check_host(request)
            _check_length(request)
            return await handler(request)
        except RefusedError as error:
            return problem_answer(error.status, error.code, str(error), error.headers)
        except web.HTTPException as error:
            return _plain_refusal(error)
        except UsageError as error:
            return problem_answer(HTTPStatus.UNPROCESSABLE_ENTITY, error.code, str(error))
        except S2FetchError as error:
            return problem_answer(HTTPStatus.SERVICE_UNAVAILABLE, error.code, str(error))
        except ConnectionError:
            raise
        except Exception:
            logging.getLogger("s2fetch").exception("a request to the HTTP face failed")
            detail = "The daemon could not answer; its log has the reason"
            return problem_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", detail)

    def admit(self, request: web.Request, need: Need) -> None:
        """Let a request through.

        Raises:
            RefusedError: 403 when another site began it, nothing could allow it or its token may
                only read, 401 when the token is missing or wrong.
        """
        if need is Need.NOTHING:
            return
        _check_origin(request)
        shown = self._shown(request)
        if shown in (need, Need.CHANGE) or self._enough_without_token(need):
            return
        if need is Need.CHANGE and not self.has_token:
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                "no-token-configured",
                "nothing can be changed over HTTP, because this daemon has no token",
                advice="Set token-file, or use s2fetch ctl",
            )
        if shown is Need.READ:
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                "read-only-token",
                "this token may read everything and change nothing",
                advice="Send the one of token-file, or use s2fetch ctl",
            )
        raise _unauthorized("this needs the daemon's token")

    def may_change(self, request: web.Request) -> bool:
        """Whether this request's credentials allow changes."""
        return self._shown(request) is Need.CHANGE or self._enough_without_token(Need.CHANGE)

    @property
    def has_token(self) -> bool:
        """Whether there is a token that allows changes."""
        return Need.CHANGE in self._digests

    def _enough_without_token(self, need: Need) -> bool:
        if need is Need.READ and self._settings.on_loopback:
            return True
        # Whoever got so far has shown a client certificate; a token beside it is a second lock.
        return not self.has_token and self._settings.client_ca is not None

    def _shown(self, request: web.Request) -> Need | None:
        """What the request's token is good for; None without one.

        Raises:
            RefusedError: It is none of this daemon's.
        """
        given = request.headers.getall("Authorization", [])
        if not given:
            return None
        scheme, _, token = given[0].partition(" ")
        if len(given) == 1 and scheme.lower() == "bearer":
            digest = _digest(token.strip().encode("utf-8", "surrogateescape"))
            for need, known in self._digests.items():
                if hmac.compare_digest(digest, known):
                    return need
        raise _unauthorized("the token is not this daemon's")

    def _check_host(self, request: web.Request) -> None:
        if not self._settings.on_loopback and not self._names:
            return
        host = _host_name(request.headers.get("Host", ""))
        if is_loopback(host) or host in self._names:
            return
        raise RefusedError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "unknown-host",
            "the daemon is not known under the name this request uses",
            advice="Use its address, or add the name to names",
        )


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Give an answer the headers of all answers."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def _digests(tokens: Tokens) -> dict[Need, bytes]:
    known = ((Need.CHANGE, tokens.change), (Need.READ, tokens.read))
    return {need: _digest(token) for need, token in known if token is not None}


def _digest(token: bytes) -> bytes:
    """Digests are of one length, so that comparing them tells nothing, not even the length."""
    return sha256(token).digest()


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def _check_origin(request: web.Request) -> None:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        followed = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
        own = site in ("same-origin", "none") or followed
    else:
        origin = request.headers.get("Origin")
        own = origin is None or origin.lower().partition("://")[2] == request.host.lower()
    if not own:
        raise RefusedError(
            HTTPStatus.FORBIDDEN, "other-site", "a page of another site made this request"
        )


def _check_length(request: web.Request) -> None:
    if (request.content_length or 0) <= MOST_BODY_BYTES:
        return
    raise RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        "nothing here takes a body of that size",
        headers={"Connection": "close"},
    )


def _unauthorized(what: str) -> RefusedError:
    return RefusedError(
        HTTPStatus.UNAUTHORIZED,
        "token-needed",
        what,
        advice="Send it as Authorization: Bearer TOKEN",
        headers=_ASK_FOR_TOKEN,
    )


def _plain_refusal(error: web.HTTPException) -> web.Response:
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    details = {
        404: ("not-found", "There is nothing at this address"),
        405: ("method-not-allowed", "This address does not take this method"),
    }
    code, detail = details.get(error.status, ("refused", error.reason))
    return problem_answer(error.status, code, detail, allow)
