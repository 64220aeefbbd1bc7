"""One session, renewed for everyone; and what is said when there is none to be had."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from typing import Any

import aiohttp
import pytest
import trustme

from s2fetch.account.tokens import (
    ANSWER_SECONDS,
    LOGOUT_SECONDS,
    UNAVAILABLE_ATTEMPTS,
    Tokens,
)
from s2fetch.embedded import answers
from s2fetch.embedded.faults import (
    Answer,
    Cut,
    Delay,
    EndSessions,
    ExpireTokens,
    Fault,
    Kind,
    Redirect,
)
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.identity import TokenPolicy, User
from s2fetch.errors import (
    AccountError,
    AccountLockedError,
    HubError,
    S2FetchError,
    SecondFactorError,
    SessionLimitError,
    WrongPasswordError,
)
from s2fetch.events import Event, HubPaused, HubResumed, TokenObtained
from tests.account.conftest import TokensFactory
from tests.clock import FakeClock
from tests.conftest import HubFactory

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
USER = User(name="user@example.org", password="pass word +&=é")


@pytest.fixture
async def hub(hub_factory: HubFactory, clock: FakeClock) -> EmbeddedHub:
    """A hub on the tests' clock with one account."""
    return await hub_factory(users=(USER,), clock=clock)


def counts(hub: EmbeddedHub) -> tuple[int, int, int]:
    """Logins, renewals and refused requests."""
    return hub.stats.logins, hub.stats.refreshes, hub.stats.refused_tokens


def accepted(hub: EmbeddedHub, token: str) -> bool:
    """Whether the hub takes the token for a download."""
    return hub.identity.authorise(token) == hub.users[0].name


def token_fault(effect: Any, *, skip: int = 0, times: int | None = 1) -> Fault:
    return Fault(effect, on=Kind.TOKEN, skip=skip, times=times)


async def test_all_callers_share_one_login(hub: EmbeddedHub, tokens_factory: TokensFactory) -> None:
    """Twenty downloads that begin at once cost one session."""
    tokens = await tokens_factory(hub)
    got = await asyncio.gather(*(tokens.get() for _ in range(20)))
    assert len(set(got)) == 1
    assert accepted(hub, got[0])
    assert counts(hub) == (1, 0, 0)
    assert await tokens.get() == got[0]


@pytest.mark.parametrize("rotate", [False, True])
async def test_a_token_is_renewed_before_it_expires(
    hub_factory: HubFactory, tokens_factory: TokensFactory, clock: FakeClock, rotate: bool
) -> None:
    """For hours, by refresh token: every token handed out lives for another minute."""
    policy = TokenPolicy(rotate_refresh_tokens=rotate)
    hub = await hub_factory(users=(USER,), clock=clock, tokens=policy)
    tokens = await tokens_factory(hub)
    for _ in range(8 * 60):
        token = await tokens.get()
        clock.advance(59)
        assert accepted(hub, token)
        clock.advance(1)
    assert counts(hub) == (1, 53, 0)
    assert hub.stats.most_open_sessions == 1


async def test_a_refresh_token_that_is_not_sent_again_is_kept(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """A service need not rotate it; within its own life the old one stays good."""
    tokens = await tokens_factory(hub)
    await tokens.get()
    bare = '{"access_token": "bare", "expires_in": 600}'
    fault = token_fault(Answer(200, bare))
    hub.faults.add(fault)
    clock.advance(541)
    assert await tokens.get() == "bare"
    clock.advance(541)
    assert accepted(hub, await tokens.get())
    assert counts(hub) == (1, 1, 0)


async def test_a_service_that_does_not_say_how_long_is_asked(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """Without refresh_expires_in the refresh token is tried, and a login follows if need be."""
    bare = '{"access_token": "bare", "expires_in": "600", "refresh_token": "unknown"}'
    hub.faults.add(token_fault(Answer(200, bare)))
    tokens = await tokens_factory(hub)
    assert await tokens.get() == "bare"
    clock.advance(600)
    assert accepted(hub, await tokens.get())
    assert counts(hub) == (1, 0, 1)


async def test_a_login_follows_when_the_session_is_too_old(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """After a long body the refresh token has expired, which is not even tried."""
    tokens = await tokens_factory(hub)
    await tokens.get()
    clock.advance(3600)
    assert accepted(hub, await tokens.get())
    assert counts(hub) == (2, 0, 0)


async def test_a_login_follows_when_the_session_was_ended(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """An administrator, or another log-out, may end it at any time."""
    tokens = await tokens_factory(hub)
    await tokens.get()
    hub.identity.end_sessions()
    clock.advance(541)
    assert accepted(hub, await tokens.get())
    assert counts(hub) == (2, 0, 1)


async def test_ten_complaints_about_a_token_cost_one_renewal(
    hub: EmbeddedHub, tokens_factory: TokensFactory
) -> None:
    """They name the token, so a complaint about an old one is no news."""
    tokens = await tokens_factory(hub)
    old = await tokens.get()

    async def complain() -> str:
        tokens.refuse(old)
        return await tokens.get()

    new = set(await asyncio.gather(*(complain() for _ in range(10))))
    assert len(new) == 1
    assert old not in new
    tokens.refuse(old)
    assert {await tokens.get()} == new
    assert counts(hub) == (1, 1, 0)


async def test_a_cancelled_caller_leaves_the_login_to_the_next(
    hub: EmbeddedHub, tokens_factory: TokensFactory
) -> None:
    """The others do not wait for ever for somebody who has gone."""
    hub.faults.add(token_fault(Delay(0.2)))
    tokens = await tokens_factory(hub)
    first = asyncio.create_task(tokens.get())
    second = asyncio.create_task(tokens.get())
    while not hub.stats.requests.get(Kind.TOKEN):
        await asyncio.sleep(0.005)
    first.cancel()
    assert accepted(hub, await second)
    assert first.cancelled()


@pytest.mark.parametrize("hours", [1, -1, 24 * 365])
async def test_a_jump_of_the_wall_clock_changes_nothing(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock, hours: int
) -> None:
    """Lifetimes are measured by a clock that does not jump."""
    tokens = await tokens_factory(hub)
    token = await tokens.get()
    clock.jump(3600 * hours)
    assert await tokens.get() == token
    clock.advance(541)
    assert await tokens.get() != token
    assert counts(hub) == (1, 1, 0)


async def test_a_token_with_a_short_life_is_used_for_half_of_it(
    hub_factory: HubFactory, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """The margin must not eat it up."""
    hub = await hub_factory(users=(USER,), clock=clock, tokens=TokenPolicy(access_seconds=20))
    tokens = await tokens_factory(hub)
    token = await tokens.get()
    clock.advance(9)
    assert await tokens.get() == token
    clock.advance(2)
    assert await tokens.get() != token


# Refusals


async def test_a_wrong_password_is_tried_once(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """Repeated failures can lock an account; the second factor answers the same, so it is named."""
    tokens = await tokens_factory(hub, password="wrong")
    with pytest.raises(WrongPasswordError) as raised:
        await tokens.get()
    assert "refused: 127.0.0.1" in str(raised.value)
    assert '401 "Invalid user credentials"' in str(raised.value)
    assert "S2FETCH_TOTP_SECRET" in raised.value.advice
    for _ in range(3):
        with pytest.raises(WrongPasswordError):
            await tokens.get()
    assert counts(hub) == (0, 0, 1)
    assert clock.slept == []


async def test_everyone_hears_of_a_refusal(hub: EmbeddedHub, tokens_factory: TokensFactory) -> None:
    """Callers that wait for the same login do not try it one after the other."""
    tokens = await tokens_factory(hub, password="wrong")
    heard = await asyncio.gather(*(tokens.get() for _ in range(8)), return_exceptions=True)
    assert all(isinstance(error, WrongPasswordError) for error in heard)
    assert counts(hub) == (0, 0, 1)


@pytest.mark.parametrize(
    ("user", "kind", "text"),
    [
        (User(name="u", password="p", disabled=True), AccountLockedError, "Account disabled"),
        (User(name="u", password="p", incomplete=True), AccountLockedError, "not fully set up"),
        (User(name="u", password="p", totp_secret=SECRET), WrongPasswordError, "second factor"),
    ],
)
async def test_an_account_that_cannot_be_used_says_why(
    hub_factory: HubFactory,
    tokens_factory: TokensFactory,
    clock: FakeClock,
    user: User,
    kind: type[AccountError],
    text: str,
) -> None:
    """Each trouble has its own error and its own advice."""
    hub = await hub_factory(users=(user,), clock=clock)
    with pytest.raises(kind, match=text):
        await (await tokens_factory(hub)).get()
    assert clock.slept == []


@pytest.mark.parametrize(
    "secret", [SECRET, SECRET.lower(), "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"]
)
async def test_a_second_factor_is_computed(
    hub_factory: HubFactory, tokens_factory: TokensFactory, clock: FakeClock, secret: str
) -> None:
    """From the secret as people copy it (RFC 6238)."""
    user = User(name="u", password="p", totp_secret=SECRET)
    hub = await hub_factory(users=(user,), clock=clock)
    assert accepted(hub, await (await tokens_factory(hub, totp_secret=secret)).get())


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "this machine's clock"),
        ("no base32!", "is not a base32 text"),
    ],
)
async def test_a_wrong_second_factor_says_what_to_check(
    hub_factory: HubFactory,
    tokens_factory: TokensFactory,
    clock: FakeClock,
    secret: str,
    text: str,
) -> None:
    """The service does not tell password from code, so both are named."""
    user = User(name="u", password="p", totp_secret=SECRET)
    hub = await hub_factory(users=(user,), clock=clock)
    with pytest.raises(SecondFactorError, match=text) as raised:
        await (await tokens_factory(hub, totp_secret=secret)).get()
    assert secret not in str(raised.value)


async def test_too_many_sessions_are_an_error_of_their_own(
    hub_factory: HubFactory, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """The password is right, so the advice is another."""
    hub = await hub_factory(users=(USER,), clock=clock, tokens=TokenPolicy(most_sessions=1))
    await (await tokens_factory(hub)).get()
    with pytest.raises(SessionLimitError, match="too many open sessions"):
        await (await tokens_factory(hub)).get()


async def test_too_many_sessions_as_429_are_not_waited_for(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """They end within the hour, not within a pause."""
    limit = Answer(429, '{"error": "Max session number exceeded"}')
    hub.faults.add(token_fault(limit))
    with pytest.raises(SessionLimitError):
        await (await tokens_factory(hub)).get()
    assert clock.slept == []


@pytest.mark.parametrize(
    "answer", [Answer(404), Answer(405), Redirect("https://elsewhere.example/token")]
)
async def test_an_endpoint_that_is_none_is_not_the_accounts_fault(
    hub: EmbeddedHub, tokens_factory: TokensFactory, answer: Answer | Redirect
) -> None:
    """A password is never sent on to another host."""
    hub.faults.add(token_fault(answer, times=None))
    with pytest.raises(HubError, match="Check token-url"):
        await (await tokens_factory(hub)).get()
    assert hub.stats.requests[Kind.TOKEN] == 1


# Trouble that passes


async def test_a_refusal_after_healthy_operation_is_not_believed_at_once(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """The service has answered "invalid credentials" for good ones; a pause helps."""
    tokens = await tokens_factory(hub)
    await tokens.get()
    clock.advance(3600)
    refusal = answers.invalid_grant(401, "Invalid user credentials")
    hub.faults.add(token_fault(refusal, times=2))
    assert accepted(hub, await tokens.get())
    assert clock.slept == [15, 60]
    assert hub.stats.logins == 2


async def test_a_refusal_that_stays_is_believed_after_three_tries(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """The password may have been changed meanwhile; more failures could lock the account."""
    tokens = await tokens_factory(hub)
    await tokens.get()
    clock.advance(3600)
    hub.identity.set_user(User(name=USER.name, password="changed"))
    for _ in range(3):
        with pytest.raises(WrongPasswordError):
            await tokens.get()
    assert counts(hub) == (1, 0, 3)


TROUBLE = {
    "500": Answer(500),
    "503": Answer(503),
    "429": answers.rate_limited(),
    "a broken answer": Answer(200, '{"access_token": "ey'),
    "a page": answers.html_page(),
    "no token": Answer(200, '{"access_token": ""}'),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_an_identity_service_in_trouble_is_asked_again(
    hub: EmbeddedHub, tokens_factory: TokensFactory, events: list[Event], what: str
) -> None:
    """At the first login too; everyone who listens hears about the waiting."""
    hub.faults.add(token_fault(TROUBLE[what], times=2))
    assert accepted(hub, await (await tokens_factory(hub)).get())
    assert [type(event) for event in events] == [HubPaused, HubPaused, HubResumed, TokenObtained]


async def test_an_identity_service_that_was_given_up_is_told_to_be_back(
    hub: EmbeddedHub, tokens_factory: TokensFactory, events: list[Event]
) -> None:
    """By the next login, which had not to wait itself; it concerns all accounts of the host."""
    hub.faults.add(token_fault(Answer(500), times=UNAVAILABLE_ATTEMPTS))
    tokens = await tokens_factory(hub)
    with pytest.raises(HubError, match="cannot be used"):
        await tokens.get()
    assert all(isinstance(event, HubPaused) and not event.account for event in events)
    events.clear()
    await tokens.get()
    assert [type(event) for event in events] == [HubResumed, TokenObtained]


@pytest.mark.parametrize("what", TROUBLE)
async def test_an_identity_service_in_lasting_trouble_ends_a_first_login(
    hub: EmbeddedHub, tokens_factory: TokensFactory, what: str
) -> None:
    """Six requests for all who wait; nothing is said of the account, a later call tries again."""
    hub.faults.add(token_fault(TROUBLE[what], times=6))
    tokens = await tokens_factory(hub)
    heard = await asyncio.gather(*(tokens.get() for _ in range(3)), return_exceptions=True)
    for error in heard:
        assert isinstance(error, HubError)
        assert not isinstance(error, AccountError)
        assert "cannot be used" in str(error)
    assert hub.stats.requests[Kind.TOKEN] == 6
    assert accepted(hub, await tokens.get())


async def test_an_identity_service_is_not_asked_earlier_than_it_says(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """Retry-After."""
    hub.faults.add(token_fault(answers.rate_limited("77")))
    await (await tokens_factory(hub)).get()
    assert clock.slept == [77]


async def test_an_account_that_worked_is_worth_more_patience(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """A renewal waits as long for its service as downloads do for theirs."""
    tokens = await tokens_factory(hub, give_up_after=600.0)
    await tokens.get()
    outage = token_fault(Answer(502), times=None)
    hub.faults.add(outage)
    clock.advance(541)
    with pytest.raises(HubError, match="Asked for 1"):
        await tokens.get()
    assert 541 + 600 <= clock.monotonic() <= 541 + 660
    hub.faults.remove(outage)
    assert accepted(hub, await tokens.get())


async def test_a_service_that_cannot_be_reached_is_waited_for(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """As one that answers with errors."""
    await hub.go_down()
    tokens = await tokens_factory(hub)
    with pytest.raises(HubError, match="connection refused"):
        await tokens.get()
    await hub.come_up()
    assert accepted(hub, await tokens.get())


async def test_a_service_that_falls_silent_is_given_up_and_asked_again(
    hub: EmbeddedHub, tokens_factory: TokensFactory
) -> None:
    """No wait is without a limit."""
    hub.faults.add(token_fault(Delay(60)), token_fault(Cut(40), skip=1))
    tokens = await tokens_factory(hub, answer_timeout=0.1)
    assert accepted(hub, await tokens.get())
    assert hub.stats.requests[Kind.TOKEN] == 3
    assert ANSWER_SECONDS <= 60


# Log-out


async def test_a_log_out_ends_the_session(hub: EmbeddedHub, tokens_factory: TokensFactory) -> None:
    """The hundred sessions of a user are not left to expire; a later call logs in again."""
    tokens = await tokens_factory(hub)
    token = await tokens.get()
    await tokens.logout()
    await tokens.logout()
    assert hub.identity.open_sessions == 0
    assert hub.stats.logouts == 1
    assert not accepted(hub, token)
    assert accepted(hub, await tokens.get())


async def test_without_a_login_there_is_nothing_to_end(
    hub: EmbeddedHub, tokens_factory: TokensFactory
) -> None:
    """No request is made."""
    await (await tokens_factory(hub)).logout()
    assert hub.stats.requests == {}


@pytest.mark.parametrize("trouble", ["500", "down", "closed", "cut"])
async def test_a_log_out_never_fails(
    hub: EmbeddedHub, tokens_factory: TokensFactory, trouble: str
) -> None:
    """The session ends by itself in the end."""
    session = aiohttp.ClientSession()
    tokens = await tokens_factory(hub, session=session)
    await tokens.get()
    match trouble:
        case "500":
            hub.faults.add(Fault(Answer(500), on=Kind.LOGOUT))
        case "cut":
            hub.faults.add(Fault(Redirect("http://127.0.0.1:1/"), on=Kind.LOGOUT))
        case "down":
            await hub.go_down()
        case _:
            await session.close()
    await tokens.logout()
    await session.close()


async def test_a_log_out_has_a_limit_and_is_finished_when_cancelled(
    hub: EmbeddedHub, tokens_factory: TokensFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C must not leave the session open, and a silent service must not keep the user."""
    monkeypatch.setattr("s2fetch.account.tokens.LOGOUT_SECONDS", 0.2)
    assert LOGOUT_SECONDS <= 5
    tokens = await tokens_factory(hub)
    await tokens.get()
    hub.faults.add(Fault(Delay(3600), on=Kind.LOGOUT))
    await asyncio.wait_for(tokens.logout(), 30)
    assert hub.stats.requests[Kind.LOGOUT] == 1


async def test_another_client_has_a_session_of_its_own_and_no_more(
    hub: EmbeddedHub, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """Two runs on one account: two sessions for hours, none afterwards."""
    both = [await tokens_factory(hub) for _ in range(2)]
    for _ in range(100):
        for tokens in both:
            await tokens.get()
        clock.advance(60)
    assert hub.stats.logins == hub.stats.most_open_sessions == 2
    for tokens in both:
        await tokens.logout()
    assert hub.identity.open_sessions == 0


@pytest.mark.parametrize("effect", [ExpireTokens(), EndSessions()])
async def test_a_token_that_the_hub_forgot_is_replaced(
    hub: EmbeddedHub, tokens_factory: TokensFactory, effect: ExpireTokens | EndSessions
) -> None:
    """In mid-run: the complaint makes the next caller renew it, or log in again."""
    tokens = await tokens_factory(hub)
    token = await tokens.get()
    if isinstance(effect, ExpireTokens):
        hub.identity.expire_tokens()
    else:
        hub.identity.end_sessions()
    tokens.refuse(token)
    assert accepted(hub, await tokens.get())


# Secrets


async def test_secrets_are_shown_nowhere(
    hub_factory: HubFactory,
    tokens_factory: TokensFactory,
    clock: FakeClock,
    events: list[Event],
) -> None:
    """Not in reprs, events, errors, tracebacks or what they hold on to."""
    user = User(name="user", password="hunter2!", totp_secret=SECRET)
    hub = await hub_factory(users=(user,), clock=clock)
    tokens = await tokens_factory(hub, totp_secret=SECRET)
    token = await tokens.get()
    clock.advance(3600)
    hub.identity.set_user(User(name="user", password="changed"))
    with pytest.raises(S2FetchError) as raised:
        await tokens.get()
    shown = [
        repr(tokens),
        repr(vars(tokens)),
        repr(events),
        str(raised.value),
        repr(raised.value),
        "".join(traceback.format_exception(raised.value)),
    ]
    for secret in ("hunter2!", SECRET, token, token.split(".")[1]):
        assert not [text for text in shown if secret in text]


async def test_a_proxys_password_is_shown_nowhere(
    hub: EmbeddedHub, tokens_factory: TokensFactory, events: list[Event]
) -> None:
    """Errors of connections name the proxy, without what it takes to use it."""
    tokens: Tokens = await tokens_factory(hub, proxy="http://user:hunter2@127.0.0.1:1")
    with pytest.raises(HubError) as raised:
        await tokens.get()
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(events)


async def test_a_certificate_nobody_knows_is_refused_at_once(
    hub_factory: HubFactory, tokens_factory: TokensFactory, clock: FakeClock
) -> None:
    """No password is sent to such a host, and waiting cannot help."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    hub = await hub_factory(users=(USER,), clock=clock, ssl_context=context)
    with pytest.raises(HubError, match=r"certificate of 127.*SSL_CERT_FILE"):
        await (await tokens_factory(hub)).get()
    assert hub.stats.requests == {}
    assert clock.slept == []
