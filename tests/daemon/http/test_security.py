"""Who is let in, and what a browser is kept from doing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from pathlib import Path

import aiohttp
import msgspec
import pytest

from s2fetch.daemon.http import HttpFace, HttpSettings
from s2fetch.daemon.http.listening import Connections, listen
from s2fetch.errors import ConfigError, UsageError
from tests.daemon.controls import StillDaemon
from tests.daemon.http.conftest import TOKEN, WITH_TOKEN, FaceFactory, local
from tests.daemon.http.happenings import happen

READABLE = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/access",
    "/api/v1/state",
    "/api/v1/archives",
    "/api/v1/archives/alps",
    "/api/v1/archives/alps/products?state=failed",
    "/api/v1/archives/alps/coverage",
    "/api/v1/archives/alps/footprints",
    "/api/v1/throughput",
)
CHANGES = (
    "/api/v1/archives/alps/pause",
    "/api/v1/archives/alps/resume",
    "/api/v1/archives/alps/sync",
    "/api/v1/pause",
    "/api/v1/resume",
    "/api/v1/reload",
)


async def raw(face: HttpFace, request: str) -> str:
    """The answer to bytes that no client library would send."""
    host, port = face.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.replace("\n", "\r\n").encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "daemon.example.org", ""])
async def test_another_address_than_loopback_is_refused_without_token_or_client_certificate(
    daemon: StillDaemon, host: str
) -> None:
    with pytest.raises(UsageError, match="token") as refused:
        async with HttpFace(daemon, HttpSettings(host=host, port=0)):
            pass
    assert "token-file" in str(refused.value)


@pytest.mark.parametrize("path", READABLE)
async def test_reading_on_loopback_needs_nothing(
    face: HttpFace, http: aiohttp.ClientSession, path: str
) -> None:
    async with http.get(face.url + path) as answer:
        assert answer.status in (200, 503)


@pytest.mark.parametrize("path", READABLE)
async def test_reading_elsewhere_needs_the_token(
    faces: FaceFactory, token_file: Path, http: aiohttp.ClientSession, path: str
) -> None:
    face = await faces(host="0.0.0.0", token_file=token_file)
    url = local(face.url) + path
    async with http.get(url) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await answer.json())["code"] == "token-needed"
    async with http.get(url, headers=WITH_TOKEN) as answer:
        assert answer.status in (200, 503)


async def test_the_stream_elsewhere_needs_the_token(
    faces: FaceFactory, token_file: Path, http: aiohttp.ClientSession
) -> None:
    face = await faces(host="0.0.0.0", token_file=token_file)
    async with http.get(local(face.url) + "/api/v1/events") as answer:
        assert answer.status == 401


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong-token-of-some-length-or-other"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"token={TOKEN}"},
    ],
)
async def test_nothing_is_changed_without_the_token_even_on_loopback(
    face: HttpFace,
    daemon: StillDaemon,
    http: aiohttp.ClientSession,
    path: str,
    headers: dict[str, str],
) -> None:
    async with http.post(face.url + path, headers=headers) as answer:
        assert answer.status == 401
    assert daemon.asked == []


async def test_a_token_in_the_address_is_no_token(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{face.url}/api/v1/pause?token={TOKEN}") as answer:
        assert answer.status == 401
    assert daemon.asked == []


@pytest.mark.parametrize("path", CHANGES)
async def test_nothing_can_be_changed_when_there_is_no_token(
    faces: FaceFactory, daemon: StillDaemon, http: aiohttp.ClientSession, path: str
) -> None:
    face = await faces()
    async with http.post(face.url + path) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (403, "no-token-configured")
    assert "token-file" in problem["detail"]
    assert daemon.asked == []


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_a_page_of_another_site_changes_nothing_even_with_the_token(
    face: HttpFace,
    daemon: StillDaemon,
    http: aiohttp.ClientSession,
    path: str,
    headers: dict[str, str],
) -> None:
    async with http.post(face.url + path, headers={**WITH_TOKEN, **headers}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "other-site")
    assert daemon.asked == []


async def test_the_own_page_may_change_things_with_the_token(
    face: HttpFace, daemon: StillDaemon, http: aiohttp.ClientSession
) -> None:
    own = {"Origin": face.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    async with http.post(f"{face.url}/api/v1/pause", headers={**WITH_TOKEN, **own}) as answer:
        assert answer.status == 200
    async with http.post(
        f"{face.url}/api/v1/resume", headers={**WITH_TOKEN, "Origin": face.url}
    ) as answer:
        assert answer.status == 200
    assert daemon.asked == ["pause", "resume"]


async def test_a_page_of_another_site_cannot_read_but_a_link_to_the_daemon_works(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    async with http.get(
        f"{face.url}/api/v1/state", headers={"Sec-Fetch-Site": "cross-site"}
    ) as answer:
        assert answer.status == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with http.get(f"{face.url}/", headers=link) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/", "/page/main.js", *READABLE])
@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:80", "192.0.2.1", "[::2]"])
async def test_another_host_name_is_refused_on_loopback(
    face: HttpFace, http: aiohttp.ClientSession, path: str, host: str
) -> None:
    async with http.get(face.url + path, headers={"Host": host}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (421, "unknown-host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9", "localhost.:9", "127.0.0.1:80", "[::1]:80"]
)
async def test_all_names_of_loopback_are_answered(
    face: HttpFace, http: aiohttp.ClientSession, host: str
) -> None:
    async with http.get(f"{face.url}/healthz", headers={"Host": host}) as answer:
        assert answer.status == 200


async def test_names_that_are_configured_are_answered_and_no_others(
    faces: FaceFactory, token_file: Path, http: aiohttp.ClientSession
) -> None:
    face = await faces(host="0.0.0.0", token_file=token_file, names=("s2.example.org",))
    url = local(face.url) + "/healthz"
    found = {}
    for host in ("s2.example.org", "S2.example.org:8642", "other.example.org"):
        async with http.get(url, headers={**WITH_TOKEN, "Host": host}) as answer:
            found[host] = answer.status
    assert found == {"s2.example.org": 200, "S2.example.org:8642": 200, "other.example.org": 421}


async def test_a_request_without_a_host_is_refused(face: HttpFace) -> None:
    assert " 421 " in await raw(face, "GET /api/v1/state HTTP/1.0\n\n")


@pytest.mark.parametrize(
    "path",
    [
        "/page/../face.py",
        "/page/..%2fface.py",
        "/page/%2e%2e/face.py",
        "/page/....//face.py",
        "/page//etc/passwd",
        "/page/index.html",
        "/page/",
        "/page",
        "/page/main.js%00.css",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/page/main.js/..",
        "/face.py",
    ],
)
async def test_no_path_leads_outside_the_pages_files(face: HttpFace, path: str) -> None:
    answer = await raw(face, f"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    assert answer.split(" ")[1] in ("400", "404")
    assert "import" not in answer
    assert "root:" not in answer


async def send_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def test_a_body_that_nobody_asked_for_is_refused_and_not_swallowed(face: HttpFace) -> None:
    """With the token too; the connection ends, however much of it there is still to come."""
    host, port = face.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /api/v1/reload HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Length: 10000000000\r\n\r\n".encode()
    )
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        with pytest.raises(ConnectionError):
            await send_for_ever(writer)
    assert b" 413 " in head.splitlines()[0]
    writer.close()


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/nothing", *READABLE])
async def test_every_answer_has_the_headers_that_protect_a_browser(
    face: HttpFace, http: aiohttp.ClientSession, path: str
) -> None:
    async with http.get(face.url + path) as answer:
        headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Server"] == "s2fetch"
    assert not any(name.startswith("Access-Control-") for name in headers)


async def test_what_the_daemon_says_is_kept_by_no_cache(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{face.url}/api/v1/state") as answer:
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_preflight_of_another_site_gets_no_permission(
    face: HttpFace, http: aiohttp.ClientSession
) -> None:
    asking = {"Origin": "https://attacker.example", "Access-Control-Request-Method": "POST"}
    async with http.options(f"{face.url}/api/v1/pause", headers=asking) as answer:
        assert answer.status == 405
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
async def test_a_token_file_that_others_can_read_is_refused(
    faces: FaceFactory, token_file: Path, mode: int
) -> None:
    token_file.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        await faces(token_file=token_file)


@pytest.mark.parametrize("content", ["", "short\n", "two words are no token at all\n", "ü" * 40])
async def test_a_token_that_could_be_guessed_or_not_sent_is_refused(
    faces: FaceFactory, token_file: Path, content: str
) -> None:
    token_file.write_text(content)
    with pytest.raises(UsageError, match="holds no token") as refused:
        await faces(token_file=token_file)
    assert content.strip() == "" or content.strip() not in str(refused.value)


async def test_a_missing_token_file_is_named(faces: FaceFactory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere.*cannot be read"):
        await faces(token_file=tmp_path / "nowhere")


async def test_no_answer_and_no_log_line_holds_the_token(
    face: HttpFace,
    daemon: StillDaemon,
    http: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    happen(daemon.events)
    daemon.refusal = ConfigError("line 3: no such key")
    said = [repr(face), str(vars(face))]
    for headers in (WITH_TOKEN, {"Authorization": f"Bearer {TOKEN} "}, {"Authorization": TOKEN}):
        for path in READABLE:
            async with http.get(face.url + path, headers=headers) as answer:
                said.append(await answer.text() + str(answer.headers))
        for path in (*CHANGES, "/api/v1/nothing"):
            async with http.post(face.url + path, headers=headers) as answer:
                said.append(await answer.text() + str(answer.headers))
    # The client's own connection pool logs what it sends; only what the server says counts.
    said += [record.getMessage() for record in caplog.records]
    assert TOKEN not in "".join(said)


async def test_a_defect_is_logged_and_not_told_to_the_asker(
    face: HttpFace,
    daemon: StillDaemon,
    http: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("inner-detail")

    monkeypatch.setattr(daemon, "throughput", broken)
    async with http.get(f"{face.url}/api/v1/throughput") as answer:
        said = await answer.text()
        assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert "inner-detail" not in said
    assert "ZeroDivision" not in said
    assert "inner-detail" in caplog.text


async def test_a_new_token_counts_after_reload_and_the_old_one_no_longer(
    face: HttpFace, token_file: Path, http: aiohttp.ClientSession
) -> None:
    token_file.write_text("another-token-of-sufficient-length")
    await face.reload()
    async with http.post(f"{face.url}/api/v1/pause", headers=WITH_TOKEN) as answer:
        assert answer.status == 401
    new = {"Authorization": "Bearer another-token-of-sufficient-length"}
    async with http.post(f"{face.url}/api/v1/pause", headers=new) as answer:
        assert answer.status == 200


async def test_a_bad_token_file_at_reload_leaves_the_old_token_in_force(
    face: HttpFace, token_file: Path, http: aiohttp.ClientSession
) -> None:
    token_file.write_text("short")
    with pytest.raises(UsageError):
        await face.reload()
    async with http.post(f"{face.url}/api/v1/pause", headers=WITH_TOKEN) as answer:
        assert answer.status == 200


async def test_an_unencrypted_face_on_the_network_is_warned_of(
    faces: FaceFactory, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await faces(host="0.0.0.0", token_file=token_file)
    assert "not encrypted" in caplog.text


async def test_a_taken_port_is_an_error_that_says_what_to_do(
    face: HttpFace, faces: FaceFactory
) -> None:
    port = int(face.url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {port}"):
        await faces(port=port)


async def test_one_connection_too_many_is_answered_and_room_is_taken_again(
    faces: FaceFactory, http: aiohttp.ClientSession
) -> None:
    """Connections that say nothing count, too: they take the descriptors that downloads need."""
    face = await faces(connections=3)
    host, port = face.url.removeprefix("http://").split(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
    for _ in range(2):
        reader, writer = await asyncio.open_connection(host, int(port))
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert msgspec.json.decode(body)["code"] == "too-many-connections"
        writer.close()
    for _, writer in silent[:2]:
        writer.close()
        await writer.wait_closed()
    while True:  # the other side sees them end a moment later
        with contextlib.suppress(aiohttp.ClientError):
            async with http.get(f"{face.url}/healthz") as answer:
                if answer.status == 200:
                    break
    silent[2][1].close()


async def test_both_addresses_of_localhost_share_their_connections() -> None:
    connections = Connections(1, tls=False)
    listening = listen("localhost", 0, connections)
    with contextlib.ExitStack() as stack:
        for each in listening:
            stack.enter_context(each)
            family, address = each.family, each.getsockname()
            client = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            client.connect(address)
        accepted = []
        for each in listening:
            with contextlib.suppress(BlockingIOError):
                accepted.append(stack.enter_context(each.accept()[0]))
        assert len(accepted) == 1
