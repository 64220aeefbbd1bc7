"""What the Copernicus Data Space means when it refuses: answers turned into errors that help.

Download errors carry a code (``DAT-ZIP-nnn``); it says more than the status and goes first.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from s2fetch.errors import (
    AccessForbiddenError,
    CatalogueError,
    HubAnswerError,
    HubBusyError,
    ProductError,
    ProductGoneError,
    ProductOfflineError,
    QueryError,
    ResumeError,
    TokenRefusedError,
)

TOKEN = frozenset({"DAT-ZIP-109", "DAT-ZIP-604"})
"""The token has expired, or there is none; the status has not always been 401."""
AUDIENCE = "DAT-ZIP-609"
FORBIDDEN = "DAT-ZIP-608"
_SESSION_NUMBER = re.compile(r"session number (\d+ )?exceeded")
BUSY = frozenset({429, 503})
"""Statuses that mean "wait" (RFC 6585 4, RFC 9110 15.6.4)."""
TOO_MANY_SESSIONS = "DAT-ZIP-100"


class Refusal(msgspec.Struct, frozen=True):
    """What an error body says.

    Attributes:
        status: HTTP status.
        code: ``DAT-ZIP-nnn`` or empty.
        text: The message, at most 200 characters.
    """

    status: int
    code: str = ""
    text: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.status), self.code, self.text) if part)

    @property
    def about_account(self) -> bool:
        """Whether it is the account's own cap on concurrent downloads, not the host's load."""
        lower = self.text.lower()
        return (
            self.code == TOO_MANY_SESSIONS
            or _SESSION_NUMBER.search(lower) is not None
            or "concurrent flows" in lower
        )

    @property
    def about_token(self) -> bool:
        """Whether it is the token, of which there may be a better one."""
        return self.code in TOKEN or (self.status == 401 and self.code != AUDIENCE)

    @property
    def from_firewall(self) -> bool:
        """Whether a web firewall rejected the request, which passes when asked less often."""
        lower = self.text.lower()
        return self.status == 403 and "violation" in lower and "reference id" in lower

    @property
    def means_wait(self) -> bool:
        """Whether asking again after a pause is what the hub wants."""
        return self.status in BUSY or self.about_account or self.from_firewall

    @property
    def about_quota(self) -> bool:
        """Whether it is a quota on retrievals."""
        lower = self.text.lower()
        return "quota" in lower or ("retrieval" in lower and "exceeded" in lower)


def read_refusal(status: int, body: bytes) -> Refusal:
    """Read an error body; every shape the services are known to send, or plain text."""
    try:
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        text = body[:200].decode("utf-8", "replace")
        unreadable = "<" in text or "\0" in text  # a page, or bytes such as those of a product
        return Refusal(status, "", "" if unreadable else " ".join(text.split()))
    if not isinstance(answer, dict):
        return Refusal(status)
    detail = answer.get("detail", answer.get("message", answer.get("data", answer.get("error"))))
    while not isinstance(detail, str | None):
        if isinstance(detail, list):
            detail = detail[0] if detail else None
        elif isinstance(detail, dict):
            detail = detail.get("message", detail.get("msg"))
        else:
            detail = str(detail)
    return Refusal(status, str(answer.get("code") or ""), (detail or "")[:200])


def catalogue_refusal(status: int, body: bytes, *, users_own: bool = False) -> Exception:
    """The error for a catalogue answer that asking again cannot change.

    Args:
        status: HTTP status.
        body: What the catalogue says.
        users_own: Whether a part of the query is in the hub's own language, as the user gave it.
    """
    said = read_refusal(status, body)
    if said.from_firewall:
        return HubBusyError(f"the web firewall in front of the catalogue refuses the query: {said}")
    if status == 414:
        return QueryError(
            "the query is too long for the catalogue",
            advice="Give fewer tiles, orbits or types at a time, or an area instead of many tiles",
        )
    if status in (400, 422):
        doubtful = "the text of --query" if users_own else "collection, product type and area"
        return QueryError(
            f"the catalogue does not accept the query: {said}",
            advice=f'Check {doubtful}; "sync --dry-run" shows the query sent',
        )
    return CatalogueError(
        f"the catalogue refuses the query: {said}",
        advice="If this lasts, check the catalogue's address and the service's status page",
    )


def download_refusal(said: Refusal, name: str, *, ranged: bool) -> ProductError:
    """The error for a download answer that is not a body and does not mean "wait"."""
    status = said.status
    if said.code == AUDIENCE:
        return AccessForbiddenError(
            f"the hub does not accept this kind of token: {said}",
            product=name,
            advice="Use user and password of a Copernicus Data Space account",
        )
    if said.about_token:
        return TokenRefusedError(f"the hub refused the token: {said}", product=name)
    if status == 202:
        return ProductOfflineError("the hub has to retrieve it first", product=name)
    if status == 403 or said.code == FORBIDDEN:
        return AccessForbiddenError(
            f"the account may not download this: {said}",
            product=name,
            advice="Ask for access to this data, or leave it out of the query",
        )
    if status in (404, 410):
        return ProductGoneError(
            f"the hub lists it but does not have it: {said}",
            product=name,
            advice="If it was withdrawn, it will vanish from the catalogue too. If no product is "
            "found, check download-url",
        )
    if status == 416 or (ranged and status in (400, 501)):
        return ResumeError(f"the hub cannot continue at this place: {said}", product=name)
    return HubAnswerError(f"the hub answered {said}", product=name, status=status)
