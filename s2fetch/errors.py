"""Every error s2fetch raises, each with the exit code it gives a command.

    S2FetchError
    ├── UsageError                 2  an option, a key or a value is wrong
    │   ├── ConfigError               … in a configuration file
    │   ├── QueryError                … no hub could answer this query
    │   └── AreaError                 … the area of interest is not usable
    ├── AccountError               3  an account cannot be used
    │   ├── CredentialsMissingError
    │   ├── WrongPasswordError
    │   ├── SecondFactorError
    │   ├── AccountLockedError
    │   ├── SessionLimitError
    │   └── TokensRefusedError
    ├── HubError                   4  the hub cannot be reached, or its answer cannot be used
    │   ├── HubDownError              … for longer than the user wants to wait
    │   ├── HubBusyError              … it asked us to wait (429, 503)
    │   └── CatalogueError            … a listing is broken or incomplete
    ├── ArchiveError               5  the archive's file system does not let us work
    │   ├── DiskFullError
    │   ├── FileTooLargeError
    │   ├── OtherVolumeError
    │   ├── LocksUnsupportedError
    │   └── ProgressFileError
    ├── ArchiveInUseError          6  another process works on this archive
    ├── DaemonUnreachableError    10  no daemon answers
    └── ProductError               7  one product failed; the others go on
        ├── ConnectionLostError       retried
        ├── HubAnswerError            retried
        ├── BodyCutError              retried
        ├── BodyStalledError          retried
        ├── BodyTooLongError          retried
        ├── ResumeError               retried from zero
        ├── NotAProductError          retried
        ├── ChecksumMismatchError     retried once, then quarantined
        ├── TokenRefusedError         retried with a new token
        ├── PartFileError             tried again by a later run
        ├── ProductTooLargeError      tried again by a later run
        ├── ProductOfflineError       waits for retrieval
        ├── ProductGoneError          retried a little, then by a later run
        ├── AccessForbiddenError      tried again by a later run
        ├── RedirectError             never
        └── UnsafeNameError           never

An error says four things: what happened, to which product, what s2fetch did about it and what the
user can do. Exit codes that are results and not errors are in `ExitCode` too.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command's exit status means. Stable: scripts are written against it."""

    OK = 0
    """Everything that matched is on disk and verified."""
    BUG = 1
    """A defect of s2fetch itself; please report it."""
    USAGE = 2
    """An option, a configuration file or a query is wrong; nothing was done."""
    ACCOUNT = 3
    """An account is missing or was refused."""
    HUB = 4
    """The hub could not be reached or its catalogue could not be read completely."""
    ARCHIVE = 5
    """The archive cannot be worked on: not writable, full, no locks."""
    IN_USE = 6
    """Another process works on this archive."""
    FAILED = 7
    """Some products failed; the report lists them."""
    WAITING = 8
    """Nothing failed, but some products are not on disk yet: offline, or put off to a later run."""
    DAMAGED = 9
    """`verify` or `scrub` found files that are damaged or missing."""
    NO_DAEMON = 10
    """No daemon answers on the control socket."""
    INTERRUPTED = 130
    """Ended by SIGINT (Ctrl-C); everything fetched so far can be resumed."""
    TERMINATED = 143
    """Ended by SIGTERM; everything fetched so far can be resumed."""

    @property
    def outcome(self) -> str:
        """Its name as reports, metrics and hooks have it, e.g. ``in-use``."""
        return self.name.lower().replace("_", "-")


class Fate(Enum):
    """What the engine does with a product after an error."""

    RETRY = "retry"
    """Try again in this run, after a pause, up to the limit of attempts."""
    LATER = "later"
    """Not again in this run; a later run tries again."""
    NEVER = "never"
    """Trying again cannot help until somebody changes something."""


class S2FetchError(Exception):
    """The root: everything s2fetch raises on purpose.

    Args:
        what: What happened, a sentence without its full stop.
        product: Name of the product it happened to, if any.
        did: What s2fetch did about it.
        advice: What the user can do.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, what: str, *, product: str = "", did: str = "", advice: str = "") -> None:
        super().__init__(what)
        self.what = _writable(what)
        self.product = product
        self.did = _writable(did)
        self.advice = _writable(advice)

    def __str__(self) -> str:
        head = f"{self.product}: {self.what}" if self.product else self.what
        return ". ".join(part.rstrip(".") for part in (head, self.did, self.advice) if part)

    @property
    def code(self) -> str:
        """A stable short name for logs, reports and the progress file, e.g. ``disk-full``."""
        stem = type(self).__name__.removesuffix("Error")
        return "".join("-" + c.lower() if c.isupper() else c for c in stem).lstrip("-")


def _writable(text: str) -> str:
    """The text as UTF-8 can have it: bytes of headers and paths that are none are written out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class UsageError(S2FetchError):
    """An option or a value the user gave is wrong."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A configuration file is wrong; the message names file, line and key."""


class QueryError(UsageError):
    """No hub could answer this query: unknown collection or type, end before start."""


class AreaError(UsageError):
    """The area of interest is empty, crosses itself, is out of bounds or cannot be read."""


class AccountError(S2FetchError):
    """An account cannot be used."""

    exit_code = ExitCode.ACCOUNT


class CredentialsMissingError(AccountError):
    """No user or no password was found anywhere."""


class WrongPasswordError(AccountError):
    """The identity service refused user and password."""


class SecondFactorError(AccountError):
    """The identity service wants a one-time code, or refused the one it got."""


class AccountLockedError(AccountError):
    """The account is locked, disabled or not fully set up."""


class SessionLimitError(AccountError):
    """The account has too many open sessions."""


class TokensRefusedError(AccountError):
    """The hub accepts none of the tokens that the identity service gives the account."""


class HubError(S2FetchError):
    """The hub cannot be reached, or its answer cannot be used."""

    exit_code = ExitCode.HUB


class HubDownError(HubError):
    """The hub stayed unreachable for longer than the user wants to wait."""


class HubBusyError(HubError):
    """The hub asked us to wait.

    Args:
        what: What happened.
        retry_after: Seconds the hub asked for, or None when it named no time.
        account_only: True when the limit is the account's own, so that others may go on.
    """

    def __init__(
        self, what: str, *, retry_after: float | None = None, account_only: bool = False
    ) -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.account_only = account_only


class CatalogueError(HubError):
    """A listing is broken or incomplete; never taken for the end of the results."""


class ArchiveError(S2FetchError):
    """The archive's file system does not let us work."""

    exit_code = ExitCode.ARCHIVE


class DiskFullError(ArchiveError):
    """No space left, or less than the reserve.

    Args:
        what: What happened.
        needed_bytes: What was to be written, beside the reserve and what others write; 0 when the
            system said that the disk is full.
        did: What s2fetch did about it.
        advice: What the user can do.
    """

    def __init__(
        self, what: str, *, needed_bytes: int = 0, did: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, did=did, advice=advice)
        self.needed_bytes = needed_bytes


class FileTooLargeError(ArchiveError):
    """The file system has no files of that size, or the process may not write them."""


class OtherVolumeError(ArchiveError):
    """A file cannot be moved to where it should be, because that is on another volume."""


class LocksUnsupportedError(ArchiveError):
    """The file system has no working locks, so two runs could damage the archive."""


class ProgressFileError(ArchiveError):
    """The progress file cannot be used at all (written by a newer s2fetch, not readable)."""


class ArchiveInUseError(S2FetchError):
    """Another process works on this archive."""

    exit_code = ExitCode.IN_USE


class DaemonUnreachableError(S2FetchError):
    """No daemon answers on the control socket, or none that this version understands."""

    exit_code = ExitCode.NO_DAEMON


class ProductError(S2FetchError):
    """One product failed; the others go on."""

    exit_code = ExitCode.FAILED
    fate: ClassVar[Fate] = Fate.RETRY
    most_attempts: ClassVar[int | None] = None
    """Fewer attempts than the setting allows, for errors that rarely pass."""


class ConnectionLostError(ProductError):
    """The connection could not be made, or broke."""


class HubAnswerError(ProductError):
    """The hub answered with a status that is neither the product nor an explanation.

    Args:
        what: What happened.
        product: Which product.
        status: HTTP status, where it is the status that is wrong.
    """

    def __init__(self, what: str, *, product: str = "", status: int = 0) -> None:
        super().__init__(what, product=product)
        self.status = status


class BodyCutError(ProductError):
    """The body ended before its announced length."""


class BodyStalledError(ProductError):
    """Fewer bytes arrived within a window than the minimum rate asks for."""


class BodyTooLongError(ProductError):
    """More bytes arrived than were announced or than the catalogue lists."""


class ResumeError(ProductError):
    """The hub's answer does not continue the part file we have."""


class NotAProductError(ProductError):
    """The hub sent something that is no product: an error page, an empty body."""


class ChecksumMismatchError(ProductError):
    """The bytes do not have the digest the catalogue lists."""


class TokenRefusedError(ProductError):
    """The hub did not accept the access token."""


class PartFileError(ProductError):
    """The product's part file cannot be opened although its folder can be written to."""

    fate = Fate.LATER


class ProductTooLargeError(ProductError):
    """The archive's file system has no files of the product's size."""

    fate = Fate.LATER


class ProductOfflineError(ProductError):
    """The product is not available for download now; it has to be retrieved first.

    Args:
        what: What happened.
        product: Which product.
        ordered: Whether the hub has begun to retrieve it, because it was asked for.
    """

    fate = Fate.LATER

    def __init__(self, what: str, *, product: str = "", ordered: bool = True) -> None:
        super().__init__(what, product=product)
        self.ordered = ordered


class ProductGoneError(ProductError):
    """The catalogue listed the product but the hub says it does not have it."""

    most_attempts = 3


class AccessForbiddenError(ProductError):
    """The account is not entitled to this product."""

    fate = Fate.LATER


class RedirectError(ProductError):
    """The hub sent us to a host that is not one of the configured ones."""

    fate = Fate.NEVER


class UnsafeNameError(ProductError):
    """The product's name cannot be a file name inside the archive."""

    fate = Fate.NEVER
