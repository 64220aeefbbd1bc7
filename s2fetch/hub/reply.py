"""Small requests and their answers, before anybody has said what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec


class Reply(msgspec.Struct, frozen=True):
    """A whole answer to a small request.

    Attributes:
        status: HTTP status.
        headers: By names in any case.
        body: All of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """As sent, lower case, without parameters; empty when the hub sent none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


Judge = Callable[[Reply], Exception | None]
"""What a hub's own words in an answer mean, whatever its status; None leaves it to the status.

`HubBusyError` is waited for, `Transient` is asked again, everything else ends the request.
"""


def by_status(_: Reply) -> None:
    """The judge for hubs whose statuses can be relied on."""


class Asked(msgspec.Struct, frozen=True):
    """A small request, and how answers to it are to be understood.

    Attributes:
        method: ``GET`` or ``POST``.
        url: Percent-encoded.
        json: Body, or None.
        headers: What else is sent.
        refusal: Makes the error of a status that is no use retrying.
        judge: Asked first.
    """

    method: str
    url: str
    json: object
    headers: Mapping[str, str]
    refusal: Callable[[int, bytes], Exception]
    judge: Judge
