"""One-time codes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.account.second_factor import one_time_code

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_of_the_standard_are_computed(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, the last six digits of the SHA-1 column."""
    assert one_time_code(RFC_SECRET, datetime.fromtimestamp(seconds, UTC)) == code


@given(st.binary(min_size=1, max_size=40), st.integers(0, 2**33))
def test_codes_agree_with_another_implementation(key: bytes, seconds: int) -> None:
    """For any secret and any time. Zeros at the end of a key do not change it (RFC 2104 2)."""
    now = datetime.fromtimestamp(seconds, UTC)
    other = pyotp.TOTP(base64.b32encode(key.ljust(20, b"\0")).decode())
    assert one_time_code(base64.b32encode(key).decode(), now) == other.at(now)


@pytest.mark.parametrize(
    "secret", ["jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP", "JBSWY3DPEHPK3PXP=="]
)
def test_secrets_are_read_as_people_write_them(secret: str) -> None:
    """Blanks, hyphens, case and padding do not matter, and eighty bits are common."""
    now = datetime(2024, 7, 1, 12, tzinfo=UTC)
    assert one_time_code(secret, now) == one_time_code("JBSWY3DPEHPK3PXP", now)


@pytest.mark.parametrize("secret", ["", "  ", "no base32!", "JBSWY3DPEHPK3PX1", "A", "ÄÖ"])
def test_what_is_no_secret_is_a_value_error(secret: str) -> None:
    """It cannot be told from a typo."""
    with pytest.raises(ValueError):
        one_time_code(secret, datetime(2024, 7, 1, tzinfo=UTC))
