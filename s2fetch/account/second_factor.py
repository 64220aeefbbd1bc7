"""One-time codes of a second factor, as an authenticator shows them (RFC 6238, RFC 4226).

Written out here, as libraries have begun to refuse the secrets of less than 112 bits that many
services have given out.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

STEP_SECONDS = 30
DIGITS = 6


def one_time_code(secret: str, now: datetime) -> str:
    """The code of a moment (RFC 6238 4.2, with SHA-1, six digits and steps of 30 seconds).

    Args:
        secret: Base32, in upper or lower case, with or without blanks, hyphens and padding.
        now: The moment, aware.

    Raises:
        ValueError: If the secret is not base32.
    """
    text = secret.translate({ord(" "): None, ord("-"): None}).rstrip("=").upper()
    key = base64.b32decode(text + "=" * (-len(text) % 8))
    if not key:
        raise ValueError("an empty secret")
    step = int(now.timestamp()) // STEP_SECONDS
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0xF
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"
