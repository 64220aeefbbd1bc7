"""HTTPS and client certificates."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import trustme

from s2fetch.daemon.http.settings import HttpSettings
from s2fetch.errors import UsageError
from tests.daemon.controls import StillDaemon
from tests.daemon.http.conftest import WITH_TOKEN, FaceFactory, local


@dataclass
class Pki:
    """Files of a server, and contexts of clients with and without a certificate."""

    certificate: Path
    key: Path
    authority: Path
    stranger: ssl.SSLContext
    known: ssl.SSLContext

    @property
    def settings(self) -> dict[str, Path]:
        return {"certificate": self.certificate, "key": self.key}


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    ours = trustme.CA()
    server = ours.issue_cert("127.0.0.1")
    found = Pki(
        tmp_path / "server.pem",
        tmp_path / "server.key",
        tmp_path / "ca.pem",
        ssl.create_default_context(),
        ssl.create_default_context(),
    )
    found.certificate.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    found.key.write_bytes(server.private_key_pem.bytes())
    found.key.chmod(0o600)
    ours.cert_pem.write_to_path(str(found.authority))
    for context in (found.stranger, found.known):
        ours.configure_trust(context)
    ours.issue_cert("operator@example.org").configure_cert(found.known)
    return found


async def test_https_is_served(faces: FaceFactory, http: aiohttp.ClientSession, pki: Pki) -> None:
    face = await faces(**pki.settings)
    assert face.url.startswith("https://")
    async with http.get(f"{face.url}/healthz", ssl=pki.stranger) as answer:
        assert answer.status == 200


async def test_nobody_without_a_certificate_gets_in_when_one_is_demanded(
    faces: FaceFactory, http: aiohttp.ClientSession, pki: Pki
) -> None:
    face = await faces(host="0.0.0.0", **pki.settings, client_ca=pki.authority)
    with pytest.raises(aiohttp.ClientError):
        await http.get(f"{local(face.url)}/healthz", ssl=pki.stranger)


async def test_a_client_certificate_reads_and_changes_without_a_token(
    faces: FaceFactory, http: aiohttp.ClientSession, daemon: StillDaemon, pki: Pki
) -> None:
    face = await faces(host="0.0.0.0", **pki.settings, client_ca=pki.authority)
    async with http.get(f"{local(face.url)}/api/v1/state", ssl=pki.known) as answer:
        assert answer.status == 200
    async with http.post(f"{local(face.url)}/api/v1/pause", ssl=pki.known) as answer:
        assert answer.status == 200
    assert daemon.asked == ["pause"]


async def test_a_browser_with_a_certificate_is_not_used_by_another_site(
    faces: FaceFactory, http: aiohttp.ClientSession, daemon: StillDaemon, pki: Pki
) -> None:
    face = await faces(host="0.0.0.0", **pki.settings, client_ca=pki.authority)
    other = {"Origin": "https://attacker.example", "Sec-Fetch-Site": "cross-site"}
    url = f"{local(face.url)}/api/v1/pause"
    async with http.post(url, ssl=pki.known, headers=other) as answer:
        assert answer.status == 403
    assert daemon.asked == []


async def test_with_both_configured_certificate_and_token_are_needed(
    faces: FaceFactory,
    http: aiohttp.ClientSession,
    daemon: StillDaemon,
    pki: Pki,
    token_file: Path,
) -> None:
    face = await faces(
        host="0.0.0.0", **pki.settings, client_ca=pki.authority, token_file=token_file
    )
    url = f"{local(face.url)}/api/v1/pause"
    async with http.post(url, ssl=pki.known) as answer:
        assert answer.status == 401
    async with http.post(url, ssl=pki.known, headers=WITH_TOKEN) as answer:
        assert answer.status == 200
    assert daemon.asked == ["pause"]


async def test_a_renewed_certificate_is_shown_after_reload(
    faces: FaceFactory, pki: Pki, tmp_path: Path
) -> None:
    face = await faces(**pki.settings)
    other = trustme.CA()
    renewed = other.issue_cert("127.0.0.1")
    pki.certificate.write_bytes(b"".join(pem.bytes() for pem in renewed.cert_chain_pems))
    pki.key.write_bytes(renewed.private_key_pem.bytes())
    await face.reload()
    trusting = ssl.create_default_context()
    other.configure_trust(trusting)
    async with (
        aiohttp.ClientSession() as fresh,
        fresh.get(f"{face.url}/healthz", ssl=trusting) as answer,
    ):
        assert answer.status == 200


async def test_a_broken_certificate_at_reload_leaves_the_old_one_in_force(
    faces: FaceFactory, pki: Pki
) -> None:
    face = await faces(**pki.settings)
    pki.certificate.write_text("broken")
    with pytest.raises(UsageError, match=r"server\.pem.*goes on with its tokens") as refused:
        await face.reload()
    assert "not started" not in str(refused.value)
    async with (
        aiohttp.ClientSession() as fresh,
        fresh.get(f"{face.url}/healthz", ssl=pki.stranger) as answer,
    ):
        assert answer.status == 200


async def test_a_key_that_others_can_read_is_refused(faces: FaceFactory, pki: Pki) -> None:
    pki.key.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        await faces(**pki.settings)


async def test_a_key_with_a_passphrase_is_refused_instead_of_asked_for(
    faces: FaceFactory, pki: Pki
) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pki.key.read_bytes(), None)
    pki.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(UsageError, match="passphrase"):
        await faces(**pki.settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"certificate": Path("a")}, "certificate and key"),
        ({"key": Path("a")}, "certificate and key"),
        ({"client_ca": Path("a")}, "need a certificate"),
    ],
)
def test_half_of_the_settings_is_refused(settings: dict[str, Path], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        HttpSettings(**settings).check()  # type: ignore[arg-type]


async def test_a_handshake_that_does_not_come_takes_a_connection_too(
    faces: FaceFactory, pki: Pki
) -> None:
    face = await faces(**pki.settings, connections=1)
    host, port = face.url.removeprefix("https://").split(":")
    _, silent = await asyncio.open_connection(host, int(port))
    reader, writer = await asyncio.open_connection(host, int(port))
    assert await reader.read() == b""  # what is not encrypted would be no answer
    writer.close()
    silent.close()
