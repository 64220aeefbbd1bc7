"""What answers and failures of the network mean."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.network import describe, parse_retry_after, untrusted_certificate

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
NOON = "Mon, 01 Jul 2024 12:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", None, 120),
        (" 0 ", None, 0),
        ("Mon, 01 Jul 2024 12:00:30 GMT", NOON, 30),
        ("Mon, 01 Jul 2024 12:00:30 GMT", None, 30),
        ("Monday, 01-Jul-24 12:00:30 GMT", NOON, 30),
        ("Mon, 01 Jul 2024 14:00:30 +0200", NOON, 30),
        ("Mon, 01 Jul 2024 12:00:30 -0000", NOON, 30),
        ("Mon, 01 Jul 2024 11:00:00 GMT", NOON, 0),
        ("Mon, 01 Jul 2024 12:00:30 GMT", "no date", 30),
        (None, NOON, None),
        ("", NOON, None),
        ("soon", NOON, None),
        ("-5", NOON, None),
        ("1.5", NOON, None),
        ("\u0663", NOON, None),
        ("9" * 400, NOON, float("inf")),
    ],
)
def test_retry_after_is_read_in_both_forms(
    value: str | None, date: str | None, seconds: float | None
) -> None:
    """A number of seconds or an HTTP date; what makes no sense is no wish (RFC 9110 10.2.3)."""
    assert parse_retry_after(value, date, now=NOW) == seconds


def test_a_date_is_measured_by_the_clock_of_the_host() -> None:
    """This machine's clock may be wrong by hours; the answer's own Date is what counts."""
    wrong = datetime(2024, 7, 1, 15, tzinfo=UTC)
    assert parse_retry_after("Mon, 01 Jul 2024 12:01:00 GMT", NOON, now=wrong) == 60
    assert parse_retry_after("Mon, 01 Jul 2024 12:01:00 GMT", None, now=wrong) == 0


@given(st.text() | st.none(), st.text() | st.none())
def test_no_field_is_too_strange(value: str | None, date: str | None) -> None:
    """Whatever a host sends, the result is a time to wait or none."""
    seconds = parse_retry_after(value, date, now=NOW)
    assert seconds is None or seconds >= 0


KEY: Any = SimpleNamespace(host="hub.example.org", port=443, ssl=True)
REQUEST: Any = SimpleNamespace(real_url="https://hooks.example.org/secret")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "timed out"),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (
            aiohttp.ClientConnectorError(KEY, OSError(111, "Connect call failed")),
            "connection refused",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")),
            "name or service not known",
        ),
        (
            aiohttp.ClientProxyConnectionError(KEY, OSError(111, "Connect call failed")),
            "proxy hub.example.org:443: connection refused",
        ),
        (
            aiohttp.ClientResponseError(
                REQUEST, (), message="Duplicate Content-Length:\n\n  b'Content-Length: 5'\n  ^"
            ),
            "Duplicate Content-Length",
        ),
        (
            aiohttp.ClientHttpProxyError(REQUEST, (), status=403, message="Forbidden"),
            "the proxy answered 403 Forbidden",
        ),
        (ConnectionResetError(), "ConnectionResetError"),
        (
            OSError("Cannot reach http://user:secret@proxy:3128/x"),
            "Cannot reach http://proxy:3128/x",
        ),
    ],
)
def test_a_failure_is_described_without_secrets(error: Exception, text: str) -> None:
    """Never empty, and never with the password of a proxy."""
    assert describe(error) == text


def refused(code: int, message: str) -> Any:
    """What the HTTP library raises for a certificate."""
    why = ssl.SSLCertVerificationError(1, "[SSL] certificate verify failed (_ssl.c:1006)")
    why.verify_code, why.verify_message = code, message
    return aiohttp.ClientConnectorCertificateError(KEY, why)


@pytest.mark.parametrize(
    ("code", "file", "advice"),
    [
        (10, None, "Check the clock"),
        (20, None, "If your site has its own"),
        (20, "missing", "missing, which is no file with certificates"),
        (20, "empty", "empty, which is no file with certificates"),
    ],
)
def test_what_is_said_of_a_certificate_helps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, file: str | None, advice: str
) -> None:
    """A file of authorities that cannot be used is passed over by OpenSSL without a word."""
    (tmp_path / "empty").touch()
    if file is not None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / file))
    error = untrusted_certificate("hub.example.org", refused(code, "it is odd."))
    assert str(error).startswith("the TLS certificate of hub.example.org is not trusted: it is odd")
    assert advice in error.advice
