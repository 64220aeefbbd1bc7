"""Which hub a configuration means."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from s2fetch.config import Config, HubKind, load_config
from s2fetch.config.values import is_loopback
from s2fetch.errors import UsageError

NOW = datetime(2024, 7, 1, tzinfo=UTC)
URL = "https://hub.example.org/dhus"


def load(environ: dict[str, str] | None = None, file: Path | None = None, **options: str) -> Config:
    """A configuration from options, a file and the environment."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return load_config(file, given, environ or {}, NOW)


def test_a_hub_of_the_kind_dhus_has_one_address() -> None:
    """Its host is trusted with the password, and no other."""
    hub = load(kind="dhus", url=f"{URL}/").hub
    assert (hub.kind, hub.url, hub.account_service) == (HubKind.DHUS, URL, URL)
    assert (hub.catalogue_url, hub.download_url, hub.token_url) == ("", "", "")
    assert hub.trusts(f"{URL}/odata/v1/Products('x')/$value")
    assert not hub.trusts("http://hub.example.org/dhus")
    assert not hub.trusts("https://download.dataspace.copernicus.eu/x")


def test_a_token_may_go_where_it_came_from() -> None:
    """And to hosts by their address."""
    hub = load(token_url="https://id.example.org/token", trusted_hosts="[::1]:8443").hub
    assert hub.trusts(hub.token_url)
    assert hub.trusts("https://[::1]:8443/x")
    assert not hub.trusts("https://[::1]/x")


def test_an_address_of_the_other_kind_is_a_mistake_of_the_file(tmp_path: Path) -> None:
    """Nobody means it for another program there."""
    file = tmp_path / "archive.toml"
    file.write_text(f'[hub]\nurl = "{URL}"\n')
    with pytest.raises(UsageError, match=r"line 2, hub\.url: .* Give --kind dhus too"):
        load(file=file)


def test_more_hosts_can_be_trusted() -> None:
    """For hubs that send downloads to another host."""
    hub = load(kind="dhus", url=URL, trusted_hosts="mirror.example.org").hub
    assert hub.trusted_hosts == ("hub.example.org", "mirror.example.org")


def test_a_file_can_name_it(tmp_path: Path) -> None:
    """Below [hub]."""
    file = tmp_path / "archive.toml"
    file.write_text(f'[hub]\nkind = "DHUS"\nurl = "{URL}"\n')
    assert load(file=file).hub.url == URL


def test_the_variables_of_other_programs_are_honoured() -> None:
    """DHUS_URL is where, DHUS_USER who; an option goes before both."""
    environ = {"DHUS_URL": URL, "DHUS_USER": "me", "S2FETCH_USER": "me@dataspace"}
    config = load(environ, kind="dhus")
    assert (config.hub.url, config.accounts[0].user) == (URL, "me")
    other = load(environ, kind="dhus", url="https://other.example.org", user="you")
    assert (other.hub.url, other.accounts[0].user) == ("https://other.example.org", "you")


def test_the_variables_alone_do_not_change_the_hub() -> None:
    """They may be set for another program; the Copernicus Data Space stays the usual hub."""
    config = load({"DHUS_URL": URL, "DHUS_USER": "me"})
    assert (config.hub.kind, config.hub.url) == (HubKind.CDSE, "")
    assert config.accounts[0].user is None


def test_the_endpoints_of_the_data_space_in_the_environment_do_no_harm() -> None:
    """They are another archive's."""
    environ = {"S2FETCH_TOKEN_URL": "https://identity.example.org/token"}
    assert load(environ, kind="dhus", url=URL).hub.token_url == ""


def test_without_an_address_there_is_no_default() -> None:
    """The hubs that were once the default are closed."""
    with pytest.raises(UsageError, match="needs its address") as caught:
        load(kind="dhus")
    assert "DHUS_URL" in str(caught.value)


def test_an_address_that_is_none_is_told_once() -> None:
    """And not also as missing."""
    with pytest.raises(UsageError, match="--url") as caught:
        load(kind="dhus", url="http://hub.example.org")
    assert "mistakes" not in str(caught.value)


def test_an_address_without_the_kind_is_a_mistake() -> None:
    """Rather than searching elsewhere than the user thinks."""
    with pytest.raises(UsageError, match="--url: this is the address of a hub of the kind dhus"):
        load(url=URL)


@pytest.mark.parametrize("name", ["catalogue-url", "download-url", "token-url", "client-id"])
def test_endpoints_of_the_other_kind_are_mistakes(name: str) -> None:
    """Nothing is ignored silently."""
    options = {"kind": "dhus", "url": URL, name: "https://a.example.org"}
    with pytest.raises(UsageError, match="hubs of the kind dhus have none"):
        load_config(None, options, {}, NOW)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("LOCALHOST", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.", False),
        ("[::1]", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("127.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:192.0.2.1", False),
        ("::ffff:0.0.0.0", False),
        ("192.0.2.7", False),
        ("hub.example.org", False),
        ("", False),
    ],
)
def test_only_the_machines_own_addresses_are_loopback(host: str, own: bool) -> None:
    """The one answer for URLs without TLS, and for where the daemon listens without a token."""
    assert is_loopback(host) is own
