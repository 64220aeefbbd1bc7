"""Hubs and accounts of each kind, from the places people keep their passwords."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

import s2fetch
from s2fetch.account.slots import slot_folder
from s2fetch.embedded.dhus.hub import EmbeddedDhus, User
from s2fetch.errors import CredentialsMissingError, WrongPasswordError

ClientFactory = Callable[..., AbstractAsyncContextManager[s2fetch.Client]]

USER = User(name="me", password="it's me")


@pytest.fixture
async def hub(products: Path) -> AsyncIterator[EmbeddedDhus]:
    """A hub with six products."""
    async with EmbeddedDhus(products, users=(USER,)) as hub:
        yield hub


@pytest.fixture
def client_of(tmp_path: Path, hub: EmbeddedDhus) -> ClientFactory:
    """Makes clients of the hub: ``client_of({"DHUS_USER": …})``."""

    @asynccontextmanager
    async def make(
        environ: Mapping[str, str] | None = None, **options: object
    ) -> AsyncIterator[s2fetch.Client]:
        environ = environ or {}
        given = {"kind": "dhus", "url": hub.url, "into": str(tmp_path / "archive"), **options}
        config = s2fetch.load_config(None, given, environ)
        async with s2fetch.Client(
            config, environ=environ, home=tmp_path, state_folder=tmp_path / "state"
        ) as client:
            yield client

    return make


def write_netrc(folder: Path, password: str, machine: str = "127.0.0.1") -> None:
    """A private netrc with one entry."""
    path = folder / ".netrc"
    path.write_text(f'machine {machine} login me password "{password}"\n')
    path.chmod(0o600)


async def test_netrc_is_looked_up_by_the_bare_host(
    client_of: ClientFactory, tmp_path: Path
) -> None:
    """Without port and path."""
    write_netrc(tmp_path, USER.password)
    async with client_of() as client:
        (login,) = await client.login()
        report = await client.sync()
    assert login.slots == 2
    assert report.fetched == 6


async def test_an_entry_for_a_url_is_none_for_the_host(
    client_of: ClientFactory, tmp_path: Path
) -> None:
    """What was looked at is told."""
    write_netrc(tmp_path, USER.password, machine="http://127.0.0.1/dhus")
    async with client_of() as client:
        with pytest.raises(CredentialsMissingError, match=r"no entry for machine 127\.0\.0\.1"):
            await client.login()


async def test_the_variables_go_before_netrc(client_of: ClientFactory, tmp_path: Path) -> None:
    """DHUS_USER and DHUS_PASSWORD, which the messages name too."""
    write_netrc(tmp_path, "an old one")
    async with client_of({"DHUS_USER": "me", "DHUS_PASSWORD": USER.password}) as client:
        assert len(await client.login()) == 1
    async with client_of({"DHUS_USER": "me", "DHUS_PASSWORD": "wrong"}) as client:
        with pytest.raises(WrongPasswordError, match="the password from the environment"):
            await client.login()


async def test_who_has_no_credentials_is_told_the_variables_of_these_hubs(
    client_of: ClientFactory,
) -> None:
    """Not those of the Data Space first."""
    async with client_of() as client:
        with pytest.raises(CredentialsMissingError, match="Set DHUS_USER and DHUS_PASSWORD"):
            await client.login()


async def test_our_own_variables_work_too(client_of: ClientFactory) -> None:
    """For those who set them for all hubs."""
    own = {"S2FETCH_USER": "me", "S2FETCH_PASSWORD": USER.password}
    async with client_of(own) as client:
        assert len(await client.login()) == 1


async def test_the_variables_of_these_hubs_go_before_our_own(client_of: ClientFactory) -> None:
    """Somebody may have an account of the Copernicus Data Space in the others."""
    both = {
        "S2FETCH_USER": "me@dataspace",
        "S2FETCH_PASSWORD": "of the Data Space",
        "DHUS_USER": "me",
        "DHUS_PASSWORD": USER.password,
    }
    async with client_of(both) as client:
        (login,) = await client.login()
    assert login.account == "me"


async def test_slots_belong_to_a_hub_and_a_user(
    client_of: ClientFactory, hub: EmbeddedDhus, tmp_path: Path
) -> None:
    """The same user of another hub has others."""
    environ = {"DHUS_USER": "me", "DHUS_PASSWORD": USER.password}
    async with client_of(environ) as client:
        (account,) = await client.accounts()
    assert account.slots.folder == slot_folder(tmp_path / "state", hub.url, "me")
    async with client_of(environ, url=f"{hub.url}2") as client:
        (other,) = await client.accounts()
    assert other.slots.folder != account.slots.folder
