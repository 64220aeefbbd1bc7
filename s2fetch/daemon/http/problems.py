"""Refusals and failures as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was not done.

    Attributes:
        title: The status in words.
        status: The HTTP status.
        detail: What happened and what to do.
        code: A stable short name, e.g. ``no-such-archive``.
    """

    title: str
    status: int
    detail: str
    code: str


class RefusedError(Exception):
    """A request that is not answered as asked.

    Args:
        status: The HTTP status.
        code: A stable short name.
        what: What happened, a sentence without its full stop.
        advice: What to do.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        what: str,
        *,
        advice: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{what}. {advice}" if advice else what)
        self.status = status
        self.code = code
        self.headers = headers or {}


def problem_answer(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None
) -> web.Response:
    """An answer with a problem in it."""
    title = HTTPStatus(status).phrase
    problem = Problem(title=title, status=status, detail=detail, code=code)
    return web.Response(
        status=status,
        body=msgspec.json.encode(problem),
        content_type=CONTENT_TYPE,
        headers=headers,
    )
