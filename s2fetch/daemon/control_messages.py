"""What is said over the control socket: one JSON object a line, an answer for every request."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from s2fetch.daemon.state import DaemonState

PROTOCOL = 1
"""Raised when an older client would misunderstand an answer."""
MOST_REQUEST_BYTES = 64 * 1024
MOST_ANSWER_BYTES = 64 * 1024 * 1024


class Command(StrEnum):
    """What can be asked of a daemon."""

    STATUS = "status"
    PAUSE = "pause"
    RESUME = "resume"
    SYNC = "sync"
    RELOAD = "reload"
    STOP = "stop"


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request; ``archive`` is empty where it means all of them."""

    command: Command
    archive: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not done: as `errors.S2FetchError` has it, in one sentence."""

    code: str
    message: str
    exit_code: int


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one request.

    Attributes:
        protocol: `PROTOCOL` of the daemon.
        version: Of the daemon's s2fetch.
        done: What was asked for, when it was done; null when it was not.
        error: Why it was not done.
        state: The daemon's, when it was asked for.
        needs_restart: What of a configuration that was read again only a restart brings, or empty.
    """

    protocol: int
    version: str
    done: Command | None = None
    error: Failure | None = None
    state: DaemonState | None = None
    needs_restart: str = ""
