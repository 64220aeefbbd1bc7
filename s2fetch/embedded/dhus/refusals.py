"""Error answers of a DHuS hub, word for word; also for `Fault`.

Source: the open DHuS core (its exceptions and their statuses by generation) and recorded answers.
Everything is said in the header ``cause-message``; the body is a page of Tomcat, an OData error
document, or empty on old servers and on failing ``$value``.
"""

from __future__ import annotations

import html

import msgspec

from s2fetch.embedded.faults import Answer

STREAM = "An exception occured while creating a stream: "
"""What precedes refusals of a download, with the service's own spelling."""
_ERROR_NAMESPACE = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 414: "Request-URI Too Long", 429: "Too Many Requests",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
_MAINTENANCE = (
    "<!DOCTYPE html><html><head><title>Data Hub</title></head><body>"
    "<h1>The Sentinels Scientific Data Hub will be back soon!</h1>"
    "<p>Sorry for the inconvenience, we are performing some maintenance.</p></body></html>"
)


class Refusal(Exception):  # noqa: N818 - the software's word; a way out of a handler
    """A request is refused.

    Attributes:
        status: What current servers answer; old ones turn all but some into 500.
        message: What went wrong.
        cause: Name of the exception in ``cause-message``.
        always: Whether old servers use the same status.
    """

    def __init__(
        self, status: int, message: str, cause: str = "ExpectedException", *, always: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.cause = cause
        self.always = always


def odata_error(status: int, message: str, cause: str, *, json: bool, empty: bool) -> Answer:
    """An error of the OData service.

    Args:
        status: HTTP status.
        message: What went wrong.
        cause: Name of the exception.
        json: Whether JSON was asked for.
        empty: Whether only the header speaks.
    """
    headers = {"cause-message": f"{cause} : {message}", "dataserviceversion": "1.0"}
    if empty:
        return Answer(status, headers=headers)
    if json:
        body = {"error": {"code": None, "message": {"lang": "en", "value": message}}}
        return Answer(status, msgspec.json.encode(body).decode(), headers=headers)
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><error xmlns="{_ERROR_NAMESPACE}"><code/>'
        f'<message xml:lang="en">{html.escape(message)}</message></error>'
    )
    return Answer(status, text, "application/xml", headers)


def tomcat_page(status: int, message: str = "", cause: str = "") -> Answer:
    """A page of the servlet container, with or without ``cause-message``."""
    title = f"HTTP Status {status} \N{EN DASH} {_TITLES.get(status, 'Error')}"
    text = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
        f"<p><b>Message</b> {html.escape(message)}</p></body></html>"
    )
    headers = {"content-language": "en"} | ({"cause-message": cause} if cause else {})
    return Answer(status, text, "text/html", headers)


def unauthorised(realm: str) -> Answer:
    """401: credentials are missing or wrong."""
    headers = {
        "www-authenticate": f'Basic realm="{realm}"',
        "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
        "content-language": "en",
        "pragma": "no-cache",
    }
    page = tomcat_page(401, "Full authentication is required to access this resource")
    return Answer(401, page.body, "text/html", headers)


def maintenance(status: int = 200) -> Answer:
    """The maintenance page, with a status of success or 502."""
    return Answer(status, _MAINTENANCE, "text/html")


def processing_quota(calls: int = 3600, minutes: int = 60) -> Answer:
    """429: too many metered searches. Its header has no blank before the colon."""
    text = (
        f"Maximum number of request exceeded ({calls}max calls in a period of {minutes}mn)"
        " - please wait and retry."
    )
    return tomcat_page(429, text, f"ProcessingQuotaException: {text}")


def cpu_quota() -> Answer:
    """429: too much processing time."""
    text = "CPU usage quota exceeded (10mn per period of 60mn) - please wait and retry."
    return tomcat_page(429, text, f"ProcessingQuotaException: {text}")


def flows_in_a_document(user: str, flows: int = 2) -> Answer:
    """The refusal of a flow as in 2016: an XML document where the product should be, status 200."""
    text = f'Maximum number of {flows} concurrent flows achieved by the user "{user}"'
    return Answer(
        200,
        f'<?xml version="1.0" encoding="UTF-8"?><error xmlns="{_ERROR_NAMESPACE}"><code/>'
        f'<message xml:lang="en">{STREAM}{html.escape(text)}</message></error>',
        "application/xml",
    )


def archive_refusal(status: int) -> Answer:
    """What the long-term archive says: 404 unknown, 429 too many, 502 broken."""
    text = {404: "Requested product not found", 429: "Quota exceeded", 502: "Bad gateway"}[status]
    return Answer(status, headers={"cause-message": f"ExpectedException : {text}"})
