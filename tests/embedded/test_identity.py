"""Tokens, sessions, second factors, refusals."""

from __future__ import annotations

import base64
from datetime import timedelta

import msgspec
import pyotp
import pytest

from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.identity import TokenPolicy, User
from tests.conftest import HubFactory
from tests.embedded.conftest import MovableClock, Visitor, value_url

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
REFUSED = {"error": "invalid_grant", "error_description": "Invalid user credentials"}


async def status_of_download(visitor: Visitor, hub: EmbeddedHub, token: str) -> tuple[int, str]:
    reply = await visitor.get(value_url(hub, hub.folder.entries[0]), token)
    return reply.status, "" if reply.status == 200 else reply.json()["code"]


async def test_a_login_gives_tokens_and_their_lives(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """The documented body; the access token has the shape and claims of a JSON Web Token."""
    hub = await hub_factory(tokens=TokenPolicy(access_seconds=42, refresh_seconds=99))
    body = (await visitor.grant(hub)).json()
    assert (body["expires_in"], body["refresh_expires_in"]) == (42, 99)
    assert body["token_type"] == "Bearer"
    claims = body["access_token"].split(".")[1]
    decoded = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert decoded["azp"] == "cdse-public"
    assert decoded["session_state"] == body["session_state"]
    assert await status_of_download(visitor, hub, body["access_token"]) == (200, "")
    assert hub.stats.logins == 1


@pytest.mark.parametrize("form", [{"password": "wrong"}, {"username": "nobody"}])
async def test_wrong_credentials_are_refused(
    hub_factory: HubFactory, visitor: Visitor, form: dict[str, str]
) -> None:
    """401 invalid_grant, the same for a wrong user and a wrong password."""
    hub = await hub_factory()
    reply = await visitor.grant(hub, **form)
    assert (reply.status, reply.json()) == (401, REFUSED)
    assert (hub.stats.logins, hub.stats.refused_tokens) == (0, 1)


@pytest.mark.parametrize(
    ("user", "text"),
    [
        (User(name="u", password="p", disabled=True), "Account disabled"),
        (User(name="u", password="p", incomplete=True), "Account is not fully set up"),
    ],
)
async def test_unusable_accounts_say_so(
    hub_factory: HubFactory, visitor: Visitor, user: User, text: str
) -> None:
    """400 invalid_grant with Keycloak's words, but only for the right password."""
    hub = await hub_factory(users=[user])
    reply = await visitor.grant(hub)
    assert (reply.status, reply.json()["error_description"]) == (400, text)
    assert (await visitor.grant(hub, password="wrong")).json() == REFUSED


async def test_a_second_factor_is_asked_for(
    hub_factory: HubFactory, visitor: Visitor, clock: MovableClock
) -> None:
    """Without or with an old code the answer is that of a wrong password."""
    user = User(name="u", password="p", totp_secret=SECRET)
    hub = await hub_factory(users=[user], clock=clock)
    code = pyotp.TOTP(SECRET)
    assert (await visitor.grant(hub)).json() == REFUSED
    old = code.at(clock.now() - timedelta(minutes=10))
    assert (await visitor.grant(hub, totp=old)).json() == REFUSED
    assert (await visitor.grant(hub, totp=code.at(clock.now()))).status == 200


async def test_tokens_expire(
    hub_factory: HubFactory, visitor: Visitor, clock: MovableClock
) -> None:
    """An access token is good for its life and DAT-ZIP-109 after it."""
    hub = await hub_factory(clock=clock)
    token = await visitor.login(hub)
    clock.move(599)
    assert await status_of_download(visitor, hub, token) == (200, "")
    clock.move(2)
    assert await status_of_download(visitor, hub, token) == (401, "DAT-ZIP-109")


async def test_a_refresh_token_gives_new_tokens_in_the_same_session(
    hub_factory: HubFactory, visitor: Visitor, clock: MovableClock
) -> None:
    """It may be used several times within its life, and is refused after it."""
    hub = await hub_factory(clock=clock)
    first = (await visitor.grant(hub)).json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    clock.move(3000)
    again = [(await visitor.grant(hub, **form)).json() for _ in range(2)]
    assert {one["session_state"] for one in again} == {first["session_state"]}
    assert await status_of_download(visitor, hub, again[1]["access_token"]) == (200, "")
    clock.move(1000)
    late = await visitor.grant(hub, **form)
    assert (late.status, late.json()["error"]) == (400, "invalid_grant")
    assert late.json()["error_description"] == "Token is not active"
    assert (hub.stats.logins, hub.stats.refreshes, hub.identity.open_sessions) == (1, 2, 1)


async def test_rotated_refresh_tokens_work_once(hub_factory: HubFactory, visitor: Visitor) -> None:
    """With rotation the second use of a refresh token is refused, the new one works."""
    hub = await hub_factory(tokens=TokenPolicy(rotate_refresh_tokens=True))
    first = (await visitor.grant(hub)).json()["refresh_token"]
    second = (await visitor.grant(hub, grant_type="refresh_token", refresh_token=first)).json()
    used = await visitor.grant(hub, grant_type="refresh_token", refresh_token=first)
    assert used.status == 400
    new = second["refresh_token"]
    assert (await visitor.grant(hub, grant_type="refresh_token", refresh_token=new)).status == 200


async def test_a_user_has_a_limited_number_of_sessions(
    hub_factory: HubFactory, visitor: Visitor, clock: MovableClock
) -> None:
    """401 beyond the limit; logging out or expiry makes room."""
    hub = await hub_factory(clock=clock, tokens=TokenPolicy(most_sessions=2))
    tokens = [(await visitor.grant(hub)).json() for _ in range(2)]
    refused = await visitor.grant(hub)
    assert (refused.status, refused.json()["error"]) == (401, "invalid_grant")
    form = {"client_id": "cdse-public", "refresh_token": tokens[0]["refresh_token"]}
    assert (await visitor.request("POST", hub.logout_url, data=form)).status == 204
    assert (await visitor.grant(hub)).status == 200
    clock.move(3601)
    assert (await visitor.grant(hub)).status == 200
    assert (hub.stats.most_open_sessions, hub.identity.open_sessions) == (2, 1)


async def test_logging_out_ends_the_session(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Access and refresh token are worth nothing afterwards."""
    hub = await hub_factory()
    body = (await visitor.grant(hub)).json()
    refresh = {"refresh_token": body["refresh_token"]}
    await visitor.request("POST", hub.logout_url, data={"client_id": "cdse-public"} | refresh)
    assert await status_of_download(visitor, hub, body["access_token"]) == (401, "DAT-ZIP-109")
    gone = await visitor.grant(hub, grant_type="refresh_token", **refresh)
    assert (gone.status, gone.json()["error_description"]) == (400, "Session not active")
    assert (hub.stats.logouts, hub.identity.open_sessions) == (1, 0)


async def test_a_token_for_another_service_opens_no_download(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Tokens of Sentinel Hub clients are DAT-ZIP-609."""
    hub = await hub_factory()
    reply = await visitor.grant(hub, grant_type="client_credentials", client_id="sh-1234")
    token = reply.json()["access_token"]
    assert await status_of_download(visitor, hub, token) == (401, "DAT-ZIP-609")


@pytest.mark.parametrize(
    "form", [{"grant_type": "magic"}, {"client_id": "other"}, {"grant_type": "client_credentials"}]
)
async def test_other_grants_and_clients_are_refused(
    hub_factory: HubFactory, visitor: Visitor, form: dict[str, str]
) -> None:
    """Only the public client logs in."""
    assert (await visitor.grant(await hub_factory(), **form)).status in (400, 401)


async def test_the_discovery_document_names_the_endpoints(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """OpenID Connect Discovery 1.0: issuer and endpoints."""
    hub = await hub_factory()
    url = hub.token_url.replace("protocol/openid-connect/token", ".well-known/openid-configuration")
    found = (await visitor.get(url)).json()
    assert found["token_endpoint"] == hub.token_url
    assert found["end_session_endpoint"] == hub.logout_url
