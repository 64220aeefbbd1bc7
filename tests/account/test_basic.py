"""User and password with every request."""

from __future__ import annotations

import base64

import pytest

from s2fetch.account.basic import BasicLogin
from s2fetch.account.credentials import Credentials
from s2fetch.errors import HubError, TokenRefusedError, WrongPasswordError


class Hub:
    """A hub that knows one token."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = {base64.b64encode(each.encode()).decode() for each in accepted}
        self.asked: list[str] = []

    async def ask(self, token: str) -> None:
        self.asked.append(token)
        if token not in self.accepted:
            raise TokenRefusedError("no")


def login(hub: Hub, user: str = "me", password: str = "sécret:1") -> BasicLogin:
    return BasicLogin("name", Credentials(user, password, source="a file"), hub="h", ask=hub.ask)


async def test_user_and_password_are_written_as_the_scheme_wants() -> None:
    """UTF-8 in base64 (RFC 7617); nothing is asked for that."""
    hub = Hub()
    token = await login(hub).get()
    assert base64.b64decode(token).decode() == "me:sécret:1"
    assert not hub.asked


async def test_a_refusal_is_final_and_costs_one_request() -> None:
    """Repeating a wrong password can lock an account."""
    hub = Hub()
    mine = login(hub)
    for _ in range(2):
        with pytest.raises(WrongPasswordError, match="h refused user me and the password from a"):
            await mine.check()
    assert len(hub.asked) == 1
    with pytest.raises(WrongPasswordError):
        await mine.get()


async def test_what_works_is_not_asked_for_more_than_once() -> None:
    """The check is one request, and no session begins."""
    hub = Hub("me:sécret:1")
    mine = login(hub)
    await mine.check()
    await mine.logout()
    assert await mine.get() == hub.asked[0]


async def test_a_complaint_about_another_token_is_not_about_this_account() -> None:
    """As when two accounts are used at a time."""
    mine = login(Hub())
    mine.refuse("another")
    assert await mine.get()


async def test_a_hub_that_cannot_be_asked_says_nothing_about_the_password() -> None:
    """Its trouble is told as it is."""

    async def ask(_: str) -> None:
        raise HubError("down")

    mine = BasicLogin("name", Credentials("me", "x"), hub="h", ask=ask)
    with pytest.raises(HubError, match="down"):
        await mine.check()
    assert await mine.get()


def test_a_user_with_a_colon_cannot_be_told() -> None:
    """It would be read as another user with another password."""
    with pytest.raises(WrongPasswordError, match="colon"):
        login(Hub(), user="a:b")


def test_nothing_of_it_shows_the_password() -> None:
    """Neither plain nor encoded."""
    assert repr(login(Hub())) == "<BasicLogin of name: usable>"
