"""What all requests have in common: proxies, failures in words, how long a host asks us to wait."""

from __future__ import annotations

import os
import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from s2fetch.errors import HubError, UsageError

_PROXY_SCHEMES = frozenset({"http", "https"})
_TOO_EARLY_OR_LATE = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED (openssl-verification-options)."""
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


def describe(error: BaseException) -> str:
    """A failure of the network in words: never empty, and without a password or a webhook's URL."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientPayloadError):
        # The library's text is made of exceptions; what broke the body is its cause, if anything.
        cause = error.__cause__
        broken = isinstance(cause, OSError) and cause.strerror
        return str(broken).lower() if broken else "fewer bytes came than were announced"
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(
        error, aiohttp.ClientSSLError
    ):
        # The library's text has the host once more, and "ssl:default" without any TLS.
        number, text = error.os_error.errno, error.os_error.strerror
        why = os.strerror(number) if number is not None and number > 0 else str(text)
        by_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
        return f"proxy {error.host}:{error.port}: {why.lower()}" if by_proxy else why.lower()
    if isinstance(error, aiohttp.ClientResponseError):
        # The library's text has the whole address, which is the secret of a webhook. Below the
        # first line of a message is what could not be parsed, with a mark under it.
        said = error.message.partition("\n")[0].rstrip(":") or type(error).__name__
        by_proxy = isinstance(error, aiohttp.ClientHttpProxyError)
        return f"the proxy answered {error.status} {said}" if by_proxy else said
    return _USER_INFO.sub("", str(error)) or type(error).__name__


def find_proxy(url: str) -> str | None:
    """The proxy the environment names for that URL, or None.

    Raises:
        UsageError: If it is not an HTTP proxy.
    """
    parts = urlsplit(url)
    proxies = {} if proxy_bypass(parts.netloc.rpartition("@")[2]) else getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    scheme = proxy.partition("://")[0].lower()
    if scheme not in _PROXY_SCHEMES:
        raise UsageError(
            f"the environment names a proxy of the kind {scheme}, which s2fetch cannot use",
            advice="Set http_proxy and https_proxy to an HTTP proxy, or list the hub in no_proxy",
        )
    if not _has_address(proxy):
        raise UsageError(
            "the environment names a proxy whose address makes no sense",
            advice="Write http_proxy and https_proxy as http://host:port",
        )
    return proxy


def _has_address(url: str) -> bool:
    """Whether host and port of a URL can be told (RFC 3986 3.2)."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def untrusted_certificate(host: str, error: aiohttp.ClientConnectorCertificateError) -> HubError:
    """The error for a TLS certificate that this machine has no reason to trust. Blocking."""
    return HubError(
        f"the TLS certificate of {host} is not trusted: {why_untrusted(error)}",
        advice=_about_authorities(error),
    )


def why_untrusted(error: aiohttp.ClientConnectorCertificateError) -> str:
    """What is wrong with a certificate, in the words of the TLS library."""
    cause = error.certificate_error
    return str(getattr(cause, "verify_message", "") or cause).rstrip(".")


def _about_authorities(error: aiohttp.ClientConnectorCertificateError) -> str:
    if getattr(error.certificate_error, "verify_code", None) in _TOO_EARLY_OR_LATE:
        return "Check the clock of this machine; if it is right, whoever runs the host has to act"
    file = os.environ.get("SSL_CERT_FILE")
    try:
        ssl.create_default_context(cafile=file or None)  # a file of no use is passed over silently
    except OSError:
        return f"SSL_CERT_FILE is {file}, which is no file with certificates (PEM): correct it"
    return "If your site has its own certificates, set SSL_CERT_FILE"


def parse_retry_after(value: str | None, date: str | None, *, now: datetime) -> float | None:
    """Seconds to wait by ``Retry-After``, a number of seconds or an HTTP date (RFC 9110 10.2.3).

    Args:
        value: The field's value, or None.
        date: The answer's own ``Date``: a date form is measured against it, so that a wrong clock
            on this machine does no harm.
        now: Used when the answer has no usable ``Date``.

    Returns:
        At least 0.0, or None when the field is missing or makes no sense.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    until = _parse_date(text)
    if until is None:
        return None
    return max(0.0, (until - (_parse_date(date) or now)).total_seconds())


def _parse_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
