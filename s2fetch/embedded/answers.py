"""Error answers in the words of the service, as `Answer` values.

Source: Copernicus Data Space documentation (OData, FAQ) and error bodies clients recorded.
"""

from __future__ import annotations

import uuid

import msgspec

from s2fetch.embedded.faults import Answer


def _json(status: int, body: object, **headers: str) -> Answer:
    return Answer(status, msgspec.json.encode(body).decode(), headers=headers)


def download_error(status: int, number: int, message: str) -> Answer:
    """An error of the download host: ``DAT-ZIP-<number>``."""
    body = {"trace-id": uuid.uuid4().hex, "code": f"DAT-ZIP-{number}", "message": message}
    return _json(status, body)


def too_many_transfers() -> Answer:
    """The account has too many transfers. The service names no time to wait."""
    return download_error(429, 100, "Max session number exceeded")


def malformed_path() -> Answer:
    """The path is not one of the download host's."""
    return download_error(400, 104, "Malformed OData request path")


def token_expired() -> Answer:
    """The access token is too old."""
    return download_error(401, 109, "Token is expired")


def bad_product_id() -> Answer:
    """The id is quoted or no UUID."""
    return download_error(422, 111, "Product id is not a valid UUID")


def product_not_found() -> Answer:
    """The download host has no such product."""
    return download_error(404, 101, "Product not found")


def token_missing() -> Answer:
    """There is no token."""
    return download_error(401, 604, "Token not found")


def access_forbidden() -> Answer:
    """The account may not have this product."""
    return download_error(403, 608, "Access forbidden")


def wrong_audience() -> Answer:
    """The token was made for another service."""
    return download_error(401, 609, "Token audience not allowed")


def rate_limited(retry_after: str = "", status: int = 429) -> Answer:
    """A 429 (or 503) with or without Retry-After, in seconds or as a date (RFC 9110 10.2.3)."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return _json(status, {"detail": "Too many requests"}, **headers)


def firewall() -> Answer:
    """The web application firewall's own JSON."""
    message = "Request rejected due to a policy violation. Your reference ID: 1234567890"
    return _json(403, {"status": "error", "data": {"message": message}})


def html_page(status: int = 200) -> Answer:
    """An error page a browser would show."""
    text = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Sorry</body></html>"
    return Answer(status, text, "text/html")


def json_error_page() -> Answer:
    """An error in JSON with status 200."""
    return _json(200, {"detail": {"message": "Internal error", "request_id": uuid.uuid4().hex}})


def server_error(status: int = 500) -> Answer:
    """500, 502, 503 or 504 without a word, as a proxy gives it."""
    return Answer(status, "", "text/plain")


def invalid_grant(status: int, description: str) -> Answer:
    """An error of the token endpoint (RFC 6749 5.2)."""
    return _json(status, {"error": "invalid_grant", "error_description": description})


def catalogue_error(status: int, message: str) -> Answer:
    """An error of the catalogue."""
    return _json(status, {"detail": {"message": message, "request_id": str(uuid.uuid4())}})


def out_of_range(option: str, given: str, bound: str, limit: int) -> Answer:
    """A paging option beyond its limit, e.g. ``$skip`` above 10000.

    Args:
        option: The option, ``$`` included.
        given: What was sent.
        bound: ``le`` or ``ge``.
        limit: The last allowed value.
    """
    word = {"le": "less_than_equal", "ge": "greater_than_equal"}[bound]
    message = f"Input should be {word.replace('_', ' ').replace('equal', 'or equal')} to {limit}"
    problem = {
        "type": word,
        "loc": ["query", option],
        "msg": message,
        "input": given,
        "ctx": {bound: limit},
    }
    return _json(422, {"detail": [problem]})


def not_a_number(option: str, given: str) -> Answer:
    """A paging option that is no integer."""
    message = "Input should be a valid integer, unable to parse string as an integer"
    problem = {"type": "int_parsing", "loc": ["query", option], "msg": message, "input": given}
    return _json(422, {"detail": [problem]})
