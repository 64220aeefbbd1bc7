"""Secrets in files are read only when nobody else can read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2fetch.account.secret import read_secret
from s2fetch.errors import UsageError

SECRET = "0123456789abcdef"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def test_a_secret_comes_without_the_editors_newline(path: Path) -> None:
    assert read_secret(path, {}) == SECRET.encode()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_secret_that_others_can_touch_is_not_used(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(UsageError, match=f"others can read it .*{mode:04o}.*chmod 600"):
        read_secret(path, {})


def test_a_credential_of_the_service_manager_may_have_the_groups_bit(path: Path) -> None:
    """It stands for the access control list that lets the service's user read it."""
    path.chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(path.parent)}
    assert read_secret(path, environ) == SECRET.encode()
    path.chmod(0o444)
    with pytest.raises(UsageError, match="others can read it"):
        read_secret(path, environ)
    path.chmod(0o440)
    with pytest.raises(UsageError, match="others can read it"):
        read_secret(path, {"CREDENTIALS_DIRECTORY": str(path.parent.parent)})


@pytest.mark.parametrize("content", ["", "short", "x" * 5000])
def test_what_is_no_secret_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(UsageError, match="does not hold a secret of 16 to 4096 bytes"):
        read_secret(path, {})


def test_a_missing_secret_says_how_to_make_one(path: Path) -> None:
    path.unlink()
    with pytest.raises(UsageError, match=r"No such file.*openssl rand -hex 32"):
        read_secret(path, {})
