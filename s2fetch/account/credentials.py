"""User and password, from the places people keep them.

In order: the environment, a credentials file, ``~/.netrc``, the system keyring. What one place
lacks is completed from the next for the same user. Nothing here ever prints a secret.
"""

from __future__ import annotations

import importlib
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from s2fetch.account.secret import others_can_read
from s2fetch.errors import CredentialsMissingError
from s2fetch.utf8 import is_utf8

KEYRING_SERVICE = "s2fetch"
ENVIRONMENT_PREFIX = "S2FETCH"

_FILE_KEYS = ("user", "password", "totp-secret")
_NETRC_KEYWORDS = ("machine", "login", "password", "account")
_NETRC_KEYWORD = re.compile(r"\#[^\n]*|(?P<plain>\S+)")
_NETRC_VALUE = re.compile(r'"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>\S+)')


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the identity service asks for; its repr shows the user and never a secret.

    Attributes:
        user: Login.
        password: As it is, blanks included.
        totp_secret: Base32 secret of the second factor (RFC 6238), or None.
        source: Where the password was found, for people.
    """

    user: str
    password: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one place holds, and what to tell about it when nothing complete is found."""

    place: str
    state: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    totp_secret: str | None = field(default=None, repr=False)


def find_credentials(
    *,
    user: str | None = None,
    credentials_file: Path | None = None,
    hosts: Sequence[str],
    environ: Mapping[str, str],
    home: Path,
    only_account: bool = True,
    prefixes: Sequence[str] = (ENVIRONMENT_PREFIX,),
) -> Credentials:
    """The credentials of one account.

    Args:
        user: The account's login, or None to take the first one found.
        credentials_file: TOML with ``user``, ``password`` and ``totp-secret``, or None.
        hosts: Names to look for in netrc, most specific first; see `netrc_hosts`.
        environ: ``S2FETCH_USER``, ``S2FETCH_PASSWORD``, ``S2FETCH_TOTP_SECRET``, ``NETRC``, and
            the same with other prefixes.
        home: The folder of ``.netrc``.
        only_account: False when the archive has several accounts: then the environment counts only
            for the account whose user it names.
        prefixes: Of ``…_USER`` and ``…_PASSWORD`` in the environment; the first goes first.

    Raises:
        CredentialsMissingError: No place has both user and password, and the message lists what
            was there; or a file with a password can be read by others.
    """
    places: tuple[Callable[[str | None], _Found], ...] = (
        *(
            partial(_from_environment, environ, prefix, only_account=only_account)
            for prefix in prefixes
        ),
        lambda known: _from_file(credentials_file, known, environ),
        lambda known: _from_netrc(_netrc_path(environ, home), hosts, known),
        _from_keyring,
    )
    seen: list[_Found] = []
    password = totp_secret = None
    source = ""
    for look in places:
        # Environment and file were set up for s2fetch and are both read: one may hold the password
        # and the other the second factor.
        if len(seen) > len(prefixes) and user and password:
            break
        found = look(user)
        seen.append(found)
        user = user or found.user
        if password is None and found.password is not None:
            password, source = found.password, found.place
        totp_secret = totp_secret or found.totp_secret
    if not user or not password:
        raise _missing(user, seen, prefixes[0], environ)
    for value, what in ((user, "user"), (password, "password")):
        if not is_utf8(value):
            # As in a terminal that is set to Latin-1; no service could be sent it.
            advice = "Set it in a terminal that uses UTF-8, or write it into a credentials-file"
            told = f"the {what} that was found in {source} is not UTF-8 text"
            raise CredentialsMissingError(told, advice=advice)
    return Credentials(user, password, totp_secret, source)


def netrc_hosts(token_url: str, catalogue_url: str) -> tuple[str, ...]:
    """Where to look in netrc: the token's host, the catalogue's, then their common domain."""
    hosts = [(urlsplit(url).hostname or "").lower() for url in (token_url, catalogue_url)]
    shared: list[str] = []
    for ours, theirs in zip(*(reversed(h.split(".")) for h in hosts), strict=False):
        if ours != theirs:
            break
        shared.insert(0, ours)
    # A domain of two labels is as likely everybody's (ac.uk) as the hub's own.
    if len(shared) > 2 and not shared[-1].isdigit():
        hosts.append(".".join(shared))
    return tuple(dict.fromkeys(hosts))


def _from_environment(
    environ: Mapping[str, str], prefix: str, known: str | None, *, only_account: bool
) -> _Found:
    place = "the environment"
    user = environ.get(f"{prefix}_USER") or None
    password = _password(environ.get(f"{prefix}_PASSWORD"))
    totp_secret = _secret(environ.get(f"{prefix}_TOTP_SECRET"))
    if not (user or password or totp_secret):
        return _Found(place, f"{prefix}_USER and {prefix}_PASSWORD are not set")
    if user and known and user != known:
        return _Found(place, f"{prefix}_USER is {user}, another user")
    if not only_account and not (user and user == known):
        return _Found(place, "not used, because there are several accounts and it names none")
    lacking = [] if user else [f"{prefix}_USER"]
    lacking += [] if password else [f"{prefix}_PASSWORD"]
    state = f"{' and '.join(lacking)} not set" if lacking else "complete"
    return _Found(place, state, user, password, totp_secret)


def _from_file(path: Path | None, known: str | None, environ: Mapping[str, str]) -> _Found:
    if path is None:
        return _Found("a credentials file", "none is configured (credentials-file)")
    place = f"the credentials file {path}"
    try:
        mode = path.stat().st_mode
        if others_can_read(path, mode, environ):
            raise _too_open(path, mode)
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return _Found(place, f"cannot be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        # Only the position is told: the rest of the parser's message can quote the password.
        where = re.search(r"line \d+, column \d+", str(error))
        what = f"{path} is not TOML" + (f" ({where[0]})" if where else "")
        advice = 'Write lines such as user = "me@example.org" and password = "…"'
        raise CredentialsMissingError(what, advice=advice) from None
    for key, value in held.items():
        if key not in _FILE_KEYS:
            what = f"{path} has the unknown key {key}"
            raise CredentialsMissingError(what, advice=f"Known are {', '.join(_FILE_KEYS)}")
        if not isinstance(value, str):
            raise CredentialsMissingError(f"{path}: {key} is not text", advice="Use quotes")
    user = held.get("user") or None
    if user and known and user != known:
        return _Found(place, f"is for {user}, another user")
    password = _password(held.get("password"))
    lacking = [k for k, v in (("user", user), ("password", password)) if not v]
    state = f"has no {' and no '.join(lacking)}" if lacking else "complete"
    return _Found(place, state, user, password, _secret(held.get("totp-secret")))


def _netrc_path(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ["NETRC"]) if environ.get("NETRC") else home / ".netrc"


def _from_netrc(path: Path, hosts: Sequence[str], known: str | None) -> _Found:
    place = str(path)
    try:
        mode = path.stat().st_mode
        entries = tuple(_netrc_entries(path.read_text(encoding="utf-8")))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        return _Found(place, "no such file" if missing else f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return _Found(place, "is not UTF-8 text")
    for host in hosts:
        for entry in entries:
            login = entry.get("login") or None
            if entry["machine"].lower() != host.lower() or (login and known and login != known):
                continue
            if stat.S_IMODE(mode) & 0o077:
                raise _too_open(path, mode)
            password = _password(entry.get("password"))
            state = f"machine {host} has no {'password' if login else 'login'}"
            return _Found(place, state, login, password)
    whom = f" of {known}" if known else ""
    return _Found(place, f"has no entry{whom} for machine {' or '.join(hosts)}")


def _netrc_entries(content: str) -> Iterator[dict[str, str]]:
    """The ``machine`` entries of a netrc file, several for one machine included.

    ``default`` is left out: it would send a password to a host it was not written for.
    """
    # A macro definition goes on to the next blank line.
    content = re.sub(r"(?ms)^\s*macdef\b.*?(?:\n\s*\n|\Z)", "\n", content)
    entry: dict[str, str] | None = None
    words = _netrc_words(content)
    for word in words:
        if word in ("machine", "default"):
            if entry:
                yield entry
            entry = {"machine": next(words, "")} if word == "machine" else None
        elif word in ("login", "password", "account"):
            value = next(words, "")
            if entry is not None:
                entry[word] = value
    if entry:
        yield entry


def _netrc_words(content: str) -> Iterator[str]:
    """Keywords and their values; a # begins a comment only where a keyword can stand."""
    value_follows = False
    position = 0
    while match := (_NETRC_VALUE if value_follows else _NETRC_KEYWORD).search(content, position):
        position = match.end()
        if match["plain"] is not None:
            yield match["plain"]
        elif value_follows:
            yield re.sub(r"\\(.)", r"\1", match["quoted"])
        else:
            continue
        value_follows = not value_follows and match["plain"] in _NETRC_KEYWORDS


def _from_keyring(known: str | None) -> _Found:
    place = "the system keyring"
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError:
        return _Found(place, "not installed (pip install 's2fetch[keyring]')")
    try:
        held = keyring.get_credential(KEYRING_SERVICE, known)
        if held is None or (known and held.username != known):
            whom = f" of {known}" if known else ""
            return _Found(place, f"has no password{whom} for the service {KEYRING_SERVICE}")
        totp_secret = keyring.get_password(KEYRING_SERVICE, f"{held.username}:totp")
        return _Found(place, "complete", held.username, held.password, _secret(totp_secret))
    except errors.NoKeyringError:
        return _Found(place, "there is none on this machine")
    except Exception as error:  # noqa: BLE001 - its backends are plug-ins and raise what they like
        return _Found(place, f"cannot be used: {str(error) or type(error).__name__}")


def _password(value: str | None) -> str | None:
    """Without the one newline that a file or a ``$(cat)`` leaves; blanks may belong to it."""
    if value is None:
        return None
    return value.removesuffix("\n").removesuffix("\r") or None


def _secret(value: str | None) -> str | None:
    """A TOTP secret without the blanks that websites print between its groups."""
    return "".join(value.split()).upper() or None if value else None


def _too_open(path: Path, mode: int) -> CredentialsMissingError:
    return CredentialsMissingError(
        f"{path} holds a password, and others can read it (mode {stat.S_IMODE(mode):04o})",
        did="Its password was not used",
        advice=f"Run: chmod 600 {path}",
    )


def _missing(
    user: str | None, seen: Iterable[_Found], prefix: str, environ: Mapping[str, str]
) -> CredentialsMissingError:
    what = f"no password was found for {user}" if user else "no user and password were found"
    looked = "; ".join(f"{found.place}: {found.state}" for found in seen)
    advice = f"Set {prefix}_USER and {prefix}_PASSWORD, or name a credentials-file"
    if prefix == ENVIRONMENT_PREFIX and environ.get("DHUS_USER"):
        advice += "; DHUS_USER counts with --kind dhus only"
    return CredentialsMissingError(what, did=f"Looked at {looked}", advice=advice)
