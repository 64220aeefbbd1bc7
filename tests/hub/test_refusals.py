"""What refusals of the hub mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.embedded import answers
from s2fetch.embedded.faults import Answer as HubAnswer
from s2fetch.errors import (
    AccessForbiddenError,
    Fate,
    HubAnswerError,
    ProductError,
    ProductGoneError,
    ProductOfflineError,
    ResumeError,
    TokenRefusedError,
)
from s2fetch.hub.refusals import download_refusal, read_refusal

NAME = "S2A.SAFE"


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"code": "DAT-ZIP-109", "message": "Token is expired"}, "DAT-ZIP-109", "Token is expired"),
        ({"detail": "Invalid field: Nam"}, "", "Invalid field: Nam"),
        ({"detail": [{"msg": "too big", "loc": ["query", "$skip"]}]}, "", "too big"),
        ({"detail": [{"msg": "first"}, {"msg": "second"}]}, "", "first"),
        ({"detail": {"message": "Not found", "request_id": "1"}}, "", "Not found"),
        ({"status": "error", "data": {"message": "rejected"}}, "", "rejected"),
        ({"error": "unsupported"}, "", "unsupported"),
        ({"code": None, "message": "Gone"}, "", "Gone"),
        ({"detail": []}, "", ""),
        ({"detail": None}, "", ""),
        ({"detail": 7}, "", "7"),
        ({}, "", ""),
        ([], "", ""),
        ("text", "", ""),
    ],
)
def test_every_known_shape_of_an_error_is_read(body: object, code: str, text: str) -> None:
    """The services send errors in half a dozen shapes."""
    said = read_refusal(400, json.dumps(body).encode())
    assert (said.status, said.code, said.text) == (400, code, text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"Service\n  Unavailable", "Service Unavailable"),
        (b"<html><body>Sorry</body></html>", ""),
        (b"PK\3\4\x14\0\0\0S2A.SAFE/", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 5000, "[" * 200),
        (b"x" * 5000, "x" * 200),
        (b'{"detail": "' + b"y" * 5000 + b'"}', "y" * 200),
    ],
)
def test_an_error_that_is_no_json_is_shown_if_it_is_short_text(body: bytes, text: str) -> None:
    """Markup says nothing to a person, and long texts are cut."""
    assert read_refusal(500, body).text == text


@given(
    st.integers(400, 599),
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(("detail", "message", "data", "error", "code", "msg")), inner
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_no_error_body_is_too_strange(status: int, body: bytes) -> None:
    """Whatever comes, it becomes an error about the product, or one that means "wait"."""
    said = read_refusal(status, body)
    assert len(said.text) <= 200
    assert isinstance(download_refusal(said, NAME, ranged=False), ProductError)
    assert str(said).startswith(str(status))


@pytest.mark.parametrize(
    ("answer", "ranged", "kind", "fate"),
    [
        (answers.token_missing(), False, TokenRefusedError, Fate.RETRY),
        (answers.token_expired(), False, TokenRefusedError, Fate.RETRY),
        (
            answers.download_error(500, 109, "Token is expired"),
            False,
            TokenRefusedError,
            Fate.RETRY,
        ),
        (HubAnswer(401), False, TokenRefusedError, Fate.RETRY),
        (answers.wrong_audience(), False, AccessForbiddenError, Fate.LATER),
        (answers.access_forbidden(), False, AccessForbiddenError, Fate.LATER),
        (answers.product_not_found(), False, ProductGoneError, Fate.RETRY),
        (HubAnswer(410), False, ProductGoneError, Fate.RETRY),
        (HubAnswer(202), False, ProductOfflineError, Fate.LATER),
        (HubAnswer(416), True, ResumeError, Fate.RETRY),
        (answers.download_error(400, 103, "Range not supported"), True, ResumeError, Fate.RETRY),
        (HubAnswer(501), True, ResumeError, Fate.RETRY),
        (answers.malformed_path(), False, HubAnswerError, Fate.RETRY),
        (answers.bad_product_id(), False, HubAnswerError, Fate.RETRY),
        (answers.server_error(500), True, HubAnswerError, Fate.RETRY),
        (answers.server_error(502), False, HubAnswerError, Fate.RETRY),
        (HubAnswer(204), False, HubAnswerError, Fate.RETRY),
    ],
)
def test_a_download_refusal_becomes_the_error_that_fits(
    answer: HubAnswer, ranged: bool, kind: type[ProductError], fate: Fate
) -> None:
    """By its code first, then by its status; the hub's own words are kept."""
    said = read_refusal(answer.status, answer.body.encode())
    assert not said.means_wait
    error = download_refusal(said, NAME, ranged=ranged)
    assert type(error) is kind
    assert error.fate is fate
    assert error.product == NAME
    assert answer.status == 202 or str(answer.status) in error.what


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        (answers.too_many_transfers(), True),
        (HubAnswer(403, '{"error": "Maximum number of 4 concurrent flows achieved"}'), True),
        (HubAnswer(401, '{"message": "Max session number 4 exceeded."}'), True),
        (answers.rate_limited(), False),
        (answers.server_error(503), False),
        (answers.firewall(), False),
    ],
)
def test_some_refusals_mean_wait(answer: HubAnswer, account: bool) -> None:
    """The account's own cap, the host's load, the web firewall: all of them pass."""
    said = read_refusal(answer.status, answer.body.encode())
    assert said.means_wait
    assert said.about_account is account


def test_an_ordinary_403_is_not_the_firewall() -> None:
    """The firewall gives a reference for its violation; an entitlement does not."""
    assert not read_refusal(403, b'{"message": "Access forbidden"}').from_firewall
    assert not read_refusal(400, answers.firewall().body.encode()).from_firewall


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("User 'x' offline products retrieval quota exceeded (20 fetches max)", True),
        ("The retrieval of offline data is exceeded", True),
        ("Access forbidden", False),
        ("Max session number exceeded", False),
    ],
)
def test_a_quota_on_retrievals_is_recognised(text: str, quota: bool) -> None:
    """As the older hubs worded it."""
    assert read_refusal(403, json.dumps({"message": text}).encode()).about_quota is quota
