"""The body of a download, as it arrives."""

from __future__ import annotations

import re

import aiohttp
import anyio

from s2fetch.errors import (
    BodyCutError,
    ConnectionLostError,
    HubAnswerError,
    ProductError,
    ResumeError,
)
from s2fetch.hub.base import Validator
from s2fetch.hub.direct import DirectReader
from s2fetch.network import describe
from s2fetch.utf8 import is_utf8

FIRST_BYTES = 64 * 1024
"""Most bytes that `HttpBody.read` returns of a large body."""
ERROR_BODY_BYTES = 64 * 1024
ERROR_BODY_SECONDS = 30.0
"""How much of a refusal is read, and for how long."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)


def parse_content_range(value: str) -> tuple[int, int, int | None]:
    """First position, last position and total of a ``Content-Range`` (RFC 9110 14.4).

    Raises:
        ValueError: If it is none, or contradicts itself.
    """
    match = _CONTENT_RANGE.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"not a Content-Range: {value[:80]!r}")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if first > last or (total is not None and last >= total):
        raise ValueError(f"a Content-Range that contradicts itself: {value!r}")
    return first, last, total


class HttpBody:
    """See `hub.base.Body`.

    Args:
        answer: Status 200 or 206.
        product: Name of the product, for messages.
    """

    def __init__(self, answer: aiohttp.ClientResponse, product: str) -> None:
        self._answer = answer
        self._content = answer.content
        self._product = product
        self._direct: DirectReader | None = None
        self._begun = False
        self._rest = memoryview(b"")
        self.status = answer.status
        self.content_type = answer.content_type.lower()
        self.validator = Validator(_text(answer, "ETag"), _text(answer, "Last-Modified"))
        encoding = answer.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity":
            raise HubAnswerError(
                f"the body comes encoded as {encoding}, although it was asked for as it is",
                product=product,
            )
        if answer.status == 206:
            self.start, self.total = self._range(answer)
        else:
            self.start, self.total = 0, answer.content_length

    def _range(self, answer: aiohttp.ClientResponse) -> tuple[int, int | None]:
        try:
            first, _, total = parse_content_range(answer.headers.get("Content-Range", ""))
        except ValueError as error:
            raise ResumeError(f"a partial answer with {error}", product=self._product) from error
        return first, total

    async def read(self) -> bytes:
        """See `hub.base.Body.read`."""
        if self._take_over() is not None:
            room = memoryview(bytearray(FIRST_BYTES))
            return bytes(room[: await self.read_into(room)])
        try:
            while True:
                data, end_of_chunk = await self._content.readchunk()
                if data or not end_of_chunk:
                    return data
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(error) from error

    async def read_into(self, room: memoryview) -> int:
        """See `hub.base.Body.read_into`."""
        direct = self._take_over()
        if direct is not None:
            try:
                return await direct.read_into(room)
            except EOFError as error:
                raise self._broken(error) from error
        if not self._rest:
            self._rest = memoryview(await self.read())
        count = min(len(self._rest), len(room))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _take_over(self) -> DirectReader | None:
        """At the first bytes, so that nothing more of them waits in aiohttp than has to."""
        if not self._begun:
            self._begun = True
            try:
                self._direct = DirectReader.take_over(self._answer)
            except (aiohttp.ClientError, OSError) as error:
                raise self._broken(error) from error
        return self._direct

    def _broken(self, error: Exception) -> ProductError:
        if isinstance(error, aiohttp.ClientPayloadError | EOFError):
            return BodyCutError(f"the body ended early ({describe(error)})", product=self._product)
        return ConnectionLostError(
            f"the connection broke ({describe(error)})", product=self._product
        )


def _text(answer: aiohttp.ClientResponse, header: str) -> str:
    """A header that can be kept and sent back; empty when its bytes are no UTF-8 (RFC 9110 5.5)."""
    value = answer.headers.get(header, "")
    return value if is_utf8(value) else ""


async def error_body(answer: aiohttp.ClientResponse) -> bytes:
    """As much of a refusal as comes."""
    body = b""
    with anyio.move_on_after(ERROR_BODY_SECONDS):
        try:
            while len(body) < ERROR_BODY_BYTES and (more := await answer.content.readany()):
                body += more
        except (aiohttp.ClientError, OSError):
            return body
    return body
