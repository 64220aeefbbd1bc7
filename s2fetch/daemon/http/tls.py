"""HTTPS: the server's certificate, and the authorities of its clients."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from s2fetch.daemon.http.settings import HttpSettings, refuse_if_open
from s2fetch.errors import UsageError


def server_context(settings: HttpSettings, environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """What HTTPS is served with, or None for plain HTTP. Reads files.

    Args:
        settings: Which files.
        environ: As for `account.secret.others_can_read`.

    Raises:
        UsageError: A file cannot be used; the message names it.
    """
    if settings.certificate is None or settings.key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, settings.certificate, settings.key, environ)
    if settings.client_ca is not None:
        try:
            context.load_verify_locations(settings.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise _unusable("client-ca", settings.client_ca, error) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(
    context: ssl.SSLContext, certificate: Path, key: Path, environ: Mapping[str, str]
) -> None:
    """Take a certificate and its key; a context in use gives it to those who connect from now on.

    Raises:
        UsageError: One of the files cannot be used, or others can read the key.
    """
    try:
        refuse_if_open(key, "the private key of the HTTP face", environ)
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise _unusable("certificate and key", f"{certificate} and {key}", error) from None


def _no_passphrase() -> NoReturn:
    # OpenSSL would ask at the terminal, and a daemon has none.
    raise ValueError("the key is protected by a passphrase")


def _unusable(setting: str, path: object, error: Exception) -> UsageError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return UsageError(
        f"{setting} ({path}) cannot be used: {reason}",
        advice="Name PEM files that the daemon can read",
    )
