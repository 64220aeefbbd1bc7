"""What a hub means when it refuses: its own words, in one table.

The same refusal has other statuses in other generations of the software: the download limit is 403
in version 2 and 500 before; an unknown product is 404 or 500. The words have stayed. They come in
the header ``cause-message``, else in the body. Source: the software's published code and recorded
answers of hubs.
"""

from __future__ import annotations

import html
import re
from enum import Enum
from typing import Any

import msgspec

from s2fetch.hub.reply import Reply

MOST_CHARACTERS = 200
"""How much of what a hub said is shown."""
MOST_READ = 64 * 1024
"""How much of a body is looked at."""


class Cause(Enum):
    """Why a hub refused."""

    FLOWS = "the account has its most downloads at a time"
    FLOW_SIZE = "a product is larger than the account may download"
    DOWNLOADS = "the account has its most downloads in a period"
    VOLUME = "the account has its most bytes in a period"
    PROCESSING = "the account has asked the catalogue too much in a period"
    RETRIEVALS = "the account has its most retrievals"
    RETRIEVAL_QUEUE = "the hub takes no more retrievals now"
    ARCHIVE_QUOTA = "the long-term archive takes no more retrievals now"
    PERMISSION = "the account may not do this"
    UNKNOWN_PRODUCT = "there is no such product"
    TOO_LONG = "the query is too long"
    SYNTAX = "the query cannot be understood"
    SERVER_RANGE = "the server stumbles over the range asked for"
    MAINTENANCE = "the hub is being maintained"
    OTHER = "something else, or nothing at all"


_WORDS: tuple[tuple[Cause, str], ...] = (
    (Cause.FLOWS, r"concurrent flows"),
    (Cause.FLOW_SIZE, r"for a single flow"),
    (Cause.DOWNLOADS, r"maximum number of downloads? \("),
    (Cause.VOLUME, r"maximum size of downloads? \("),
    (Cause.PROCESSING, r"ProcessingQuotaException|maximum number of requests? exceeded"),
    (Cause.RETRIEVALS, r"retrieval quota exceeded"),
    (Cause.RETRIEVAL_QUEUE, r"retrieval of offline data is temporar"),
    (Cause.PROCESSING, r"(cpu usage|memory) quota exceeded"),
    (Cause.ARCHIVE_QUOTA, r"quota exceeded"),
    (Cause.PERMISSION, r"insufficient permissions?"),
    (Cause.UNKNOWN_PRODUCT, r"invalid key|requested product not found"),
    (Cause.TOO_LONG, r"request entity too large|request-uri too long|(status|response code): 413"),
    (
        Cause.SYNTAX,
        r"response code: 400 for url|undefined field|invalid date|syntaxerror|cannot parse",
    ),
    (Cause.SERVER_RANGE, r"NullPointerException"),
    (Cause.MAINTENANCE, r"will be back soon|maintenance"),
)
_TABLE = tuple((cause, re.compile(words, re.IGNORECASE)) for cause, words in _WORDS)
_CLASS_NAME = re.compile(r"^[A-Za-z]*(?:Exception|Error)\s?:\s*")
_ADDRESS = re.compile(r"https?://\S+")
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_XML_MESSAGE = re.compile(r"<(?:\w+:)?message\b[^>]*>([^<]*)<", re.IGNORECASE)
_MARKUP = re.compile(r"\s*<")


class Said(msgspec.Struct, frozen=True):
    """What a hub said.

    Attributes:
        status: HTTP status.
        cause: What it means.
        text: Its own words, for people; without the addresses of its inner servers.
        is_page: Whether a page for people came in place of data.
    """

    status: int
    cause: Cause
    text: str = ""
    is_page: bool = False

    def __str__(self) -> str:
        return f"{self.status} {self.text}".strip()


def read_said(reply: Reply) -> Said:
    """Read what an answer says: the header, else the message in its body, else the page's text."""
    is_page = looks_like_page(reply)
    words = reply.headers.get("cause-message", "") or _body_words(reply.body[:MOST_READ])
    cause = next((cause for cause, pattern in _TABLE if pattern.search(words)), Cause.OTHER)
    if cause is Cause.MAINTENANCE and not is_page:
        cause = Cause.OTHER
    return Said(reply.status, cause, _shown(words), is_page)


def looks_like_page(reply: Reply) -> bool:
    """Whether a body is HTML, by what it is called or by how it begins."""
    if reply.content_type in ("application/json", "application/octet-stream"):
        return False
    start = reply.body[:200].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        reply.content_type == "text/html" and bool(_MARKUP.match(start.decode("latin-1")))
    )


def _body_words(body: bytes) -> str:
    try:
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        message = _XML_MESSAGE.search(text)
        return message[1] if message else html.unescape(_TAG.sub(" ", text))
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return ""
    message = error.get("message")
    if isinstance(message, dict):
        message = message.get("value")
    return message if isinstance(message, str) else ""


def _shown(words: str) -> str:
    text = _CLASS_NAME.sub("", " ".join(words.split()))
    text = "".join(c for c in _ADDRESS.sub("…", text) if c.isprintable())
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
