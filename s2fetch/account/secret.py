"""Secrets in files: only their owner may be able to read them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from s2fetch.errors import UsageError

LEAST_SECRET_BYTES = 16
MOST_SECRET_BYTES = 4096
_HOW = "Make one with: (umask 077; openssl rand -hex 32 > FILE)"


def others_can_read(path: Path, mode: int, environ: Mapping[str, str]) -> bool:
    """Whether a regular file is readable by more than its owner, by its mode.

    Args:
        path: The file.
        mode: Its ``st_mode``.
        environ: ``CREDENTIALS_DIRECTORY`` names the folder in which systemd puts a service's
            credentials (systemd.exec(5), LoadCredential). They belong to root, and an access
            control list lets the service's user read them, which shows as the group's bit.
    """
    if not stat.S_ISREG(mode):
        return False
    given = environ.get("CREDENTIALS_DIRECTORY", "")
    from_systemd = bool(given) and path.parent == Path(given)
    return bool(stat.S_IMODE(mode) & (0o037 if from_systemd else 0o077))


def read_secret(path: Path, environ: Mapping[str, str]) -> bytes:
    """The secret a file holds, without blanks and line breaks at its ends.

    Raises:
        UsageError: If others can read the file, it cannot be read, or it is too short for a secret.
    """
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            content = file.read(MOST_SECRET_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the secret in {path} cannot be read ({error.strerror})", advice=_HOW
        ) from error
    if others_can_read(path, mode, environ):
        raise UsageError(
            f"{path} holds a secret, and others can read it (mode {stat.S_IMODE(mode):04o})",
            did="It was not used",
            advice=f"Run: chmod 600 {path}",
        )
    secret = content.strip()
    if not LEAST_SECRET_BYTES <= len(secret) <= MOST_SECRET_BYTES:
        raise UsageError(
            f"{path} does not hold a secret of {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes",
            advice=_HOW,
        )
    return secret
