"""Where user and password are found, in which order, and what is never shown."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from s2fetch.account.credentials import Credentials, find_credentials, netrc_hosts
from s2fetch.errors import CredentialsMissingError

keyring = pytest.importorskip("keyring")

HOSTS = netrc_hosts(
    "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",
    "https://catalogue.dataspace.copernicus.eu/odata/v1",
)

Find = Callable[..., Credentials]


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """No test sees the keyring of the machine it runs on."""
    before = keyring.get_keyring()
    keyring.set_keyring(importlib.import_module("keyring.backends.fail").Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Looks only where the test put something."""

    def look(environ: Mapping[str, str] | None = None, **options: Any) -> Credentials:
        return find_credentials(hosts=HOSTS, environ=environ or {}, home=tmp_path, **options)

    return look


def secret_file(path: Path, content: str, mode: int = 0o600) -> Path:
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return path


def in_keyring(**passwords: str) -> None:
    """A real keyring backend that lives in memory."""
    simple = importlib.import_module("keyring.credentials").SimpleCredential
    base = importlib.import_module("keyring.backend").KeyringBackend

    def get_password(_: object, service: str, username: str) -> str | None:
        return passwords.get(username) if service == "s2fetch" else None

    def get_credential(_: object, service: str, username: str | None) -> object:
        username = username or next(iter(passwords))
        password = get_password(_, service, username)
        return simple(username, password) if password else None

    held = {"priority": 1, "get_password": get_password, "get_credential": get_credential}
    keyring.set_keyring(type("Memory", (base,), {**held, "set_password": None})())


def test_secrets_are_in_no_representation() -> None:
    """Neither repr nor str nor a formatted string shows them."""
    credentials = Credentials("me", "hunter2", "JBSWY3DPEHPK3PXP")
    for shown in (repr(credentials), str(credentials), f"{credentials}"):
        assert "me" in shown
        assert "hunter2" not in shown
        assert "JBSWY3DP" not in shown


def test_the_environment_comes_first(find: Find, tmp_path: Path) -> None:
    """Before everything that lies on the disk."""
    file = secret_file(tmp_path / "c.toml", 'user = "me"\npassword = "file"\n')
    environ = {"S2FETCH_USER": "me", "S2FETCH_PASSWORD": "environment"}
    found = find(environ, credentials_file=file)
    assert (found.user, found.password, found.source) == ("me", "environment", "the environment")


def test_the_file_comes_before_netrc(find: Find, tmp_path: Path) -> None:
    """It was named for this purpose."""
    secret_file(tmp_path / ".netrc", f"machine {HOSTS[0]} login me password netrc")
    file = secret_file(
        tmp_path / "c.toml", 'user = "me"\npassword = " blanks stay "\ntotp-secret = "jbsw y3dp"\n'
    )
    found = find(credentials_file=file)
    assert (found.password, found.totp_secret) == (" blanks stay ", "JBSWY3DP")


def test_netrc_comes_before_the_keyring(find: Find, tmp_path: Path) -> None:
    """And the keyring is the last."""
    in_keyring(me="keyring")
    assert find().password == "keyring"
    secret_file(tmp_path / ".netrc", f"machine {HOSTS[0]} login me password netrc")
    assert find().password == "netrc"


def test_what_one_place_lacks_is_completed_from_the_next(find: Find, tmp_path: Path) -> None:
    """A user in the environment, the second factor in a file, the password in netrc."""
    file = secret_file(tmp_path / "c.toml", 'totp-secret = "JBSWY3DP"\n')
    secret_file(tmp_path / ".netrc", f"machine {HOSTS[0]} login me password netrc")
    found = find({"S2FETCH_USER": "me"}, credentials_file=file)
    assert found == Credentials("me", "netrc", "JBSWY3DP")


def test_the_second_factor_in_a_file_completes_a_password_in_the_environment(
    find: Find, tmp_path: Path
) -> None:
    """Both were set up for s2fetch."""
    file = secret_file(tmp_path / "c.toml", 'user = "me"\ntotp-secret = "JBSWY3DP"\n')
    environ = {"S2FETCH_USER": "me", "S2FETCH_PASSWORD": "p"}
    assert find(environ, credentials_file=file).totp_secret == "JBSWY3DP"


def test_passwords_of_another_user_are_never_mixed_in(find: Find, tmp_path: Path) -> None:
    """A wrong password can lock an account."""
    secret_file(tmp_path / ".netrc", f"machine {HOSTS[0]} login other password netrc")
    file = secret_file(tmp_path / "c.toml", 'user = "third"\npassword = "file"\n')
    in_keyring(fourth="keyring")
    with pytest.raises(CredentialsMissingError) as caught:
        find({"S2FETCH_USER": "me"}, credentials_file=file)
    said = str(caught.value)
    assert said.startswith("no password was found for me. Looked at the environment: ")
    assert "is for third, another user" in said
    assert f"has no entry of me for machine {HOSTS[0]}" in said
    assert "has no password of me for the service s2fetch" in said


def test_with_several_accounts_the_environment_counts_only_for_the_user_it_names(
    find: Find, tmp_path: Path
) -> None:
    """Otherwise all accounts would log in as one."""
    file = secret_file(tmp_path / "c.toml", 'user = "b"\npassword = "file"\n')
    environ = {"S2FETCH_USER": "a", "S2FETCH_PASSWORD": "environment"}
    assert find(environ, user="a", only_account=False).password == "environment"
    found = find(environ, credentials_file=file, only_account=False)
    assert (found.user, found.password) == ("b", "file")
    with pytest.raises(CredentialsMissingError):
        find({"S2FETCH_PASSWORD": "x"}, user="c", only_account=False)


def test_nothing_anywhere_lists_every_place_and_what_was_there(find: Find, tmp_path: Path) -> None:
    """So that the user sees which one was expected to hold something."""
    with pytest.raises(CredentialsMissingError) as caught:
        find(user="me", credentials_file=tmp_path / "c.toml")
    said = str(caught.value)
    assert "S2FETCH_USER and S2FETCH_PASSWORD are not set" in said
    assert f"{tmp_path / 'c.toml'}: cannot be read: No such file" in said
    assert f"{tmp_path / '.netrc'}: no such file" in said
    assert "the system keyring: there is none on this machine" in said


def test_a_missing_keyring_package_is_no_error(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an optional extra."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CredentialsMissingError, match="not installed"):
        find()


def test_a_keyring_that_is_broken_is_no_error_either(
    find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its backends are plug-ins: what they raise is told, and the search goes on to its end."""

    def raises(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'nowhere'")

    monkeypatch.setattr(keyring, "get_credential", raises)
    with pytest.raises(CredentialsMissingError, match="cannot be used: No module named 'nowhere'"):
        find()


@pytest.mark.parametrize("name", ["S2FETCH_USER", "S2FETCH_PASSWORD"])
def test_what_is_not_utf_8_is_told_and_not_shown(find: Find, name: str) -> None:
    """A terminal that is set to Latin-1 makes such a password of one with an accent."""
    environ = {"S2FETCH_USER": "me", "S2FETCH_PASSWORD": "p", name: "hunter\udce9"}
    with pytest.raises(CredentialsMissingError, match="the environment is not UTF-8") as caught:
        find(environ)
    assert "hunter" not in str(caught.value)


def test_credentials_of_the_other_kind_of_hub_are_pointed_out(find: Find) -> None:
    """``s2fetch hub --kind dhus`` prints them; without the kind they do not count."""
    with pytest.raises(CredentialsMissingError, match="DHUS_USER counts with --kind dhus only"):
        find({"DHUS_USER": "me", "DHUS_PASSWORD": "p"})


def test_a_second_factor_can_lie_in_the_keyring(find: Find) -> None:
    """Beside the password, under the user's name with :totp."""
    in_keyring(**{"me": "p", "me:totp": "jbswy3dp"})
    assert find(user="me").totp_secret == "JBSWY3DP"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_credentials_file_that_others_can_read_is_refused(
    find: Find, tmp_path: Path, mode: int
) -> None:
    """With the command that puts it right, and without the password."""
    file = secret_file(tmp_path / "c.toml", 'user = "me"\npassword = "hunter2"\n', mode)
    with pytest.raises(CredentialsMissingError, match=f"chmod 600 {file}") as caught:
        find(credentials_file=file)
    assert "hunter2" not in str(caught.value)


def test_a_netrc_that_others_can_read_is_refused_when_it_has_our_machine(
    find: Find, tmp_path: Path
) -> None:
    """One without our machine is none of our business."""
    path = secret_file(tmp_path / ".netrc", "machine else.org login me password p", 0o644)
    with pytest.raises(CredentialsMissingError, match="has no entry for machine"):
        find()
    secret_file(path, f"machine {HOSTS[1]} login me password p", 0o644)
    with pytest.raises(CredentialsMissingError, match=r"chmod 600 .*\.netrc"):
        find()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('user = "me"\npassword = "hunter2\n', r"is not TOML \(line 2, column 20\)"),
        ('user = "me"\npasword = "hunter2"\n', "unknown key pasword"),
        ('user = "me"\npassword = 1234\n', "password is not text"),
        (f'password = "hunter2"\nuser = {"[" * 5000}{"]" * 5000}', "is not TOML"),
    ],
)
def test_a_wrong_credentials_file_says_what_is_wrong_and_no_secret(
    find: Find, tmp_path: Path, content: str, said: str
) -> None:
    """Not even the chained exception carries it."""
    file = secret_file(tmp_path / "c.toml", content)
    with pytest.raises(CredentialsMissingError, match=said) as caught:
        find(credentials_file=file)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_only_one_trailing_newline_is_taken_off_a_password(find: Find) -> None:
    """Files and $(cat) leave one; everything else may belong to it."""
    for raw, password in (("p\n", "p"), ("p\r\n", "p"), ("p\n\n", "p\n"), (" p\t", " p\t")):
        environ = {"S2FETCH_USER": "me", "S2FETCH_PASSWORD": raw}
        assert find(environ).password == password


def test_the_machines_of_netrc_are_the_token_host_the_catalogue_and_their_domain() -> None:
    """Never a domain so short that others share it."""
    assert HOSTS == (
        "identity.dataspace.copernicus.eu",
        "catalogue.dataspace.copernicus.eu",
        "dataspace.copernicus.eu",
    )
    assert netrc_hosts("https://id.example.org/t", "https://hub.example.org/") == (
        "id.example.org",
        "hub.example.org",
    )
    assert netrc_hosts("http://127.0.0.1:1/t", "http://127.0.0.1:2/") == ("127.0.0.1",)
    assert netrc_hosts("http://10.1.2.3/t", "http://11.1.2.3/") == ("10.1.2.3", "11.1.2.3")


NETRC = """
# machine identity.dataspace.copernicus.eu login commented password no
machine else.org login x password y
macdef init
machine identity.dataspace.copernicus.eu login macro password no

machine dataspace.copernicus.eu
    login domain password domain-password
machine catalogue.dataspace.copernicus.eu login "first" password "a \\"b\\" # c"
machine catalogue.dataspace.copernicus.eu login second account z password #hash#
default login anonymous password guest
"""


def test_netrc_prefers_the_most_specific_machine(find: Find, tmp_path: Path) -> None:
    """Comments, macros and the default entry are no entries for us."""
    secret_file(tmp_path / ".netrc", NETRC)
    found = find()
    assert (found.user, found.password) == ("first", 'a "b" # c')


@pytest.mark.parametrize(
    ("user", "password"), [("second", "#hash#"), ("domain", "domain-password")]
)
def test_netrc_may_have_several_logins_for_one_machine(
    find: Find, tmp_path: Path, user: str, password: str
) -> None:
    """An archive can use several accounts of one hub."""
    secret_file(tmp_path / ".netrc", NETRC)
    assert find(user=user).password == password


def test_netrc_can_be_elsewhere(find: Find, tmp_path: Path) -> None:
    """As the NETRC variable says."""
    path = secret_file(tmp_path / "mine", f"machine {HOSTS[2]} login me password p")
    assert find({"NETRC": str(path)}).source == str(path)


@pytest.mark.parametrize("content", ["machine", "machine x login", "login a", "", "\xff\xfe"])
def test_a_broken_netrc_holds_nothing(find: Find, tmp_path: Path, content: str) -> None:
    """It belongs to other programs as well; what can be read is read."""
    (tmp_path / ".netrc").write_bytes(content.encode("latin-1"))
    with pytest.raises(CredentialsMissingError, match="no user and password were found"):
        find()


def test_a_credentials_file_from_the_service_manager_may_have_the_groups_bit(
    find: Find, tmp_path: Path
) -> None:
    """LoadCredential= gives the service's user access by a list, which shows as mode 0440."""
    file = secret_file(tmp_path / "account", 'user = "me"\npassword = "p"\n', 0o440)
    found = find({"CREDENTIALS_DIRECTORY": str(tmp_path)}, credentials_file=file)
    assert found.password == "p"
    with pytest.raises(CredentialsMissingError, match="others can read it"):
        find(credentials_file=file)
