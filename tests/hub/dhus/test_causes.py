"""The words of refusals, in the statuses of every generation."""

from __future__ import annotations

import json

import pytest

from s2fetch.errors import (
    AccessForbiddenError,
    HubAnswerError,
    ProductGoneError,
    ProductOfflineError,
    ResumeError,
    TokenRefusedError,
)
from s2fetch.hub.dhus.causes import MOST_CHARACTERS, Cause, read_said
from s2fetch.hub.dhus.refusals import (
    download_error,
    is_about_account,
    is_about_retrievals,
    means_wait,
    pause_of,
)
from s2fetch.hub.reply import Reply

STREAM = "MediaRegulationException : An exception occured while creating a stream: "
PAGE = (
    b"<!DOCTYPE html><html><head><title>HTTP Status 500</title></head><body>trouble</body></html>"
)


def reply(status: int, cause: str = "", body: bytes = b"", kind: str = "text/plain") -> Reply:
    headers = {"Content-Type": kind} | ({"cause-message": cause} if cause else {})
    return Reply(status, headers, body)


WORDS = [
    (f'{STREAM}Maximum number of 2 concurrent flows achieved by the user "me"', Cause.FLOWS),
    (f'{STREAM}Maximum number of download (50) exceeded by the user "me"', Cause.DOWNLOADS),
    (f'{STREAM}Maximum size of download (10737418241) exceeded by the user "me"', Cause.VOLUME),
    (
        f'{STREAM}Maximum size of 100 bytes for a single flow achieved by the user "me"',
        Cause.FLOW_SIZE,
    ),
    (
        (
            "ExpectedException : User 'me' offline products retrieval quota exceeded (20 fetches "
            "max)  trying to fetch product S1A_X (1000 bytes compressed)"
        ),
        Cause.RETRIEVALS,
    ),
    (
        "The retrieval of offline data is temporary unavailable, please try again later",
        Cause.RETRIEVAL_QUEUE,
    ),
    ("Quota exceeded", Cause.ARCHIVE_QUOTA),
    ("Requested product not found", Cause.UNKNOWN_PRODUCT),
    ("InvalidKeyException : Invalid key (abc) to access Products", Cause.UNKNOWN_PRODUCT),
    ("Insufficient permissions", Cause.PERMISSION),
    (
        (
            "ProcessingQuotaException: Maximum number of request exceeded (3600max calls in "
            "a period of 60mn) - please wait and retry."
        ),
        Cause.PROCESSING,
    ),
    (
        (
            "ProcessingQuotaException: CPU usage quota exceeded (10mn per period of 60mn) - please "
            "wait and retry."
        ),
        Cause.PROCESSING,
    ),
    (
        (
            "RemoteSolrException : Error from server at http://solr/dhus: non ok status: 413, "
            "message:Request Entity Too Large"
        ),
        Cause.TOO_LONG,
    ),
    ("Request-URI Too Long", Cause.TOO_LONG),
    (
        (
            "IOException : Server returned HTTP response code: 400 for URL: "
            "http://localhost:30333//solr/dhus/select?q=x"
        ),
        Cause.SYNTAX,
    ),
    (f"{STREAM}java.lang.NullPointerException", Cause.SERVER_RANGE),
    ("", Cause.OTHER),
]


@pytest.mark.parametrize("status", [200, 403, 404, 500])
@pytest.mark.parametrize(("words", "cause"), WORDS)
def test_the_words_tell_and_not_the_status(words: str, cause: Cause, status: int) -> None:
    """The same refusal has another status in every generation."""
    assert read_said(reply(status, words)).cause is cause


@pytest.mark.parametrize(("words", "cause"), WORDS)
def test_the_words_may_be_in_the_body(words: str, cause: Cause) -> None:
    """As JSON, as XML, or in a page for people."""
    message = {"error": {"code": None, "message": {"lang": "en", "value": words}}}
    assert read_said(reply(500, "", json.dumps(message).encode())).cause is cause
    xml = f"<error><code/><message xml:lang='en'>{words}</message></error>".encode()
    assert read_said(reply(200, "", xml, "application/xml")).cause is cause
    page = f"<html><body><p><b>message</b> {words}</p></body></html>".encode()
    said = read_said(reply(500, "", page, "text/html;charset=utf-8"))
    assert (said.cause, said.is_page) == (cause, True)


def test_the_header_goes_before_the_body() -> None:
    """A page can hold anything."""
    said = read_said(reply(403, WORDS[0][0], PAGE, "text/html"))
    assert (said.cause, said.text) == (
        Cause.FLOWS,
        (
            "An exception occured while creating a stream: Maximum number of 2 concurrent flows "
            'achieved by the user "me"'
        ),
    )


def test_inner_addresses_and_endless_texts_are_not_shown() -> None:
    """Nor what would confuse a terminal."""
    said = read_said(reply(500, "Exception : see http://localhost:30333/solr?q=1 \x1b[31m"))
    assert str(said) == "500 see … [31m"
    assert len(read_said(reply(500, "x" * 5000)).text) == MOST_CHARACTERS


@pytest.mark.parametrize("status", [200, 502, 503])
def test_a_maintenance_page_means_wait(status: int) -> None:
    """Whatever its status: the hub will be back."""
    page = b"<html><h1>The Sentinels Scientific Data Hub will be back soon!</h1></html>"
    said = read_said(reply(status, "", page, "text/html"))
    assert (said.cause, said.is_page) == (Cause.MAINTENANCE, True)
    assert means_wait(said)


def test_binary_data_is_no_page() -> None:
    """However it begins."""
    assert not read_said(reply(200, "", b"<html>", "application/octet-stream")).is_page


@pytest.mark.parametrize("status", [200, 403, 500])
def test_the_accounts_own_limits_pause_the_account_alone(status: int) -> None:
    """Concurrent downloads shortly, shares of a period for long."""
    for words, seconds in ((WORDS[0][0], None), (WORDS[1][0], 600.0), (WORDS[2][0], 600.0)):
        said = read_said(reply(status, words))
        assert means_wait(said)
        assert is_about_account(said)
        assert pause_of(said) == seconds


@pytest.mark.parametrize(("words", "status"), [(WORDS[4], 403), (WORDS[5], 503), (WORDS[6], 429)])
def test_refused_retrievals_make_a_product_wait_and_not_the_host(
    words: tuple[str, Cause], status: int
) -> None:
    """The product is offline and not ordered."""
    said = read_said(reply(status, words[0]))
    assert is_about_retrievals(said)
    assert not means_wait(said)
    error = download_error(said, "x", ranged=False)
    assert isinstance(error, ProductOfflineError)
    assert not error.ordered


@pytest.mark.parametrize(
    ("status", "words", "ranged", "kind"),
    [
        (202, "", False, ProductOfflineError),
        (401, "", False, TokenRefusedError),
        (403, "Insufficient permissions", False, AccessForbiddenError),
        (500, WORDS[3][0], False, AccessForbiddenError),
        (500, "ExpectedException : Insufficient permissions", False, AccessForbiddenError),
        (403, "", False, AccessForbiddenError),
        (404, "Requested product not found", False, ProductGoneError),
        (500, "InvalidKeyException : Invalid key (x) to access Products", False, ProductGoneError),
        (404, "", False, ProductGoneError),
        (416, "", True, ResumeError),
        (501, "", True, ResumeError),
        (501, "", False, HubAnswerError),
        (500, WORDS[15][0], True, ResumeError),
        (500, WORDS[15][0], False, HubAnswerError),
        (500, "Something : else", False, HubAnswerError),
        (502, "Bad gateway", False, HubAnswerError),
    ],
)
def test_every_refusal_is_an_error_of_its_own(
    status: int, words: str, ranged: bool, kind: type[Exception]
) -> None:
    """With the hub's words and the product."""
    said = read_said(reply(status, words))
    assert not means_wait(said)
    error = download_error(said, "x.SAFE", ranged=ranged)
    assert type(error) is kind
    assert error.product == "x.SAFE"


def test_an_accepted_order_counts_as_ordered() -> None:
    """202 says that the hub is at it."""
    error = download_error(read_said(reply(202)), "x", ranged=False)
    assert isinstance(error, ProductOfflineError)
    assert error.ordered
