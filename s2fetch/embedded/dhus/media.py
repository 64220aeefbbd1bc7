"""``$value``: headers, conditions and ranges of the product file.

Source: the media response builder of the open DHuS core and recorded downloads. It differs from
RFC 9110 in that the ETag has no quotes, whole answers have a Content-Range too, dates end in
"UTC", several ranges are not implemented and nonsense is refused instead of ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from s2fetch.embedded.faults import Answer

_RANGES = re.compile(r"bytes=\d*-\d*(?:,\d*-\d*)*")
_LIFE = timedelta(days=7)


def media_headers(
    *, name: str, etag: str, modified: datetime, now: datetime, content_type: str = ""
) -> dict[str, str]:
    """The headers every answer with the file has.

    Args:
        name: File name for the client.
        etag: The validator, without quotes.
        modified: When the product was created on the hub.
        now: The hub's time.
        content_type: Media type; of an unknown file by default.
    """
    return {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'inline;filename="{name}"',
        "Content-Type": content_type or "application/octet-stream",
        "ETag": etag,
        "Last-Modified": format_datetime(modified, usegmt=True).replace("GMT", "UTC"),
        "Expires": format_datetime(now + _LIFE, usegmt=True),
    }


def condition(headers: Mapping[str, str], etag: str, modified: datetime) -> Answer | None:
    """The answer to a condition that ends the request, in the software's order."""
    none_match = headers.get("If-None-Match")
    if none_match is not None:
        if _listed(none_match, etag):
            return Answer(304, headers={"ETag": etag})
    elif _newer(headers.get("If-Modified-Since"), modified):
        return Answer(304, headers={"ETag": etag})
    match = headers.get("If-Match")
    if match is not None and not _listed(match, etag):
        return Answer(412)
    unmodified = _date(headers.get("If-Unmodified-Since"))
    if unmodified is not None and modified.replace(microsecond=0) > unmodified:
        return Answer(412)
    return None


def span(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | Answer | None:
    """The part that was asked for, as first position and position after the last.

    Returns:
        None for the whole file, an answer for a range that is refused.
    """
    wanted = headers.get("Range")
    if wanted is None:
        return None
    if headers.get("If-Range", etag) != etag:
        return None
    if _RANGES.fullmatch(wanted) is None:
        return _unsatisfiable(size)
    parts = wanted.removeprefix("bytes=").split(",")
    spans = [_span(part, size) for part in parts]
    if None in spans:
        return _unsatisfiable(size)
    if len(parts) > 1:
        text = "NotImplementedException : Multiple ranges are not supported"
        return Answer(501, headers={"cause-message": text})
    if parts[0] == "0-0":
        return Answer(500, headers={"cause-message": "NullPointerException : null"})
    return spans[0]


def _span(text: str, size: int) -> tuple[int, int] | None:
    first, _, last = text.partition("-")
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(size - 1, int(last)) if last else size - 1
    return (start, end + 1) if start <= end else None


def _unsatisfiable(size: int) -> Answer:
    return Answer(416, headers={"Content-Range": f"bytes */{size}"})


def _listed(header: str, etag: str) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return etag in tags or "*" in tags


def _newer(header: str | None, modified: datetime) -> bool:
    since = _date(header)
    return since is not None and since >= modified.replace(microsecond=0)


def _date(header: str | None) -> datetime | None:
    """A date of a header; None where there is none or it is nonsense."""
    if header is None:
        return None
    try:
        moment = parsedate_to_datetime(header.replace("UTC", "GMT"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
