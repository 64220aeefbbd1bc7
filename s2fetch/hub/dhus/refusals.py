"""What a hub's words mean for a download or for a retrieval, as errors that help."""

from __future__ import annotations

from s2fetch.errors import (
    AccessForbiddenError,
    HubAnswerError,
    ProductError,
    ProductGoneError,
    ProductOfflineError,
    ResumeError,
    TokenRefusedError,
)
from s2fetch.hub.dhus.causes import Cause, Said
from s2fetch.hub.refusals import BUSY

LONG_PAUSE_SECONDS = 600.0
"""How long to wait when the account has had its share of a period, which is hours or a day."""

_OF_ACCOUNT = frozenset({Cause.FLOWS, Cause.DOWNLOADS, Cause.VOLUME, Cause.PROCESSING})
_OF_PERIOD = frozenset({Cause.DOWNLOADS, Cause.VOLUME, Cause.PROCESSING})
_RETRIEVAL = frozenset({Cause.RETRIEVALS, Cause.RETRIEVAL_QUEUE, Cause.ARCHIVE_QUOTA})
_GATEWAY = frozenset({502, 503, 504})


def is_about_account(said: Said) -> bool:
    """Whether it is the account's own limit, so that other accounts may go on."""
    return said.cause in _OF_ACCOUNT


def is_about_retrievals(said: Said) -> bool:
    """Whether no more retrievals are taken now; the product is offline then."""
    return said.cause in _RETRIEVAL


def means_wait(said: Said) -> bool:
    """Whether asking again after a pause is what the hub wants, whatever the status."""
    if said.cause in _OF_ACCOUNT:
        return True
    if is_about_retrievals(said) or said.cause is Cause.UNKNOWN_PRODUCT:
        return False
    return said.status in BUSY or (said.is_page and (said.status in _GATEWAY or said.status == 200))


def pause_of(said: Said) -> float | None:
    """Seconds to wait when the hub names no time; None for a pause that grows."""
    return LONG_PAUSE_SECONDS if said.cause in _OF_PERIOD else None


def download_error(said: Said, name: str, *, ranged: bool) -> ProductError:
    """The error for an answer that is no body and does not mean "wait"."""
    status = said.status
    if status == 401:
        return TokenRefusedError(f"the hub refused user and password: {said}", product=name)
    if status == 202:
        return ProductOfflineError("the hub retrieves it from its archive first", product=name)
    if is_about_retrievals(said):
        return ProductOfflineError(
            f"it is in the hub's archive, and no retrieval is taken now: {said}",
            product=name,
            ordered=False,
        )
    if said.cause is Cause.UNKNOWN_PRODUCT:
        return ProductGoneError(
            f"the hub lists it but does not have it: {said}",
            product=name,
            advice="If it was withdrawn, it will vanish from the catalogue too",
        )
    if said.cause is Cause.FLOW_SIZE:
        return AccessForbiddenError(
            f"it is larger than the account may download: {said}",
            product=name,
            advice="Ask the hub's operators, or leave it out of the query",
        )
    if status == 403 or said.cause is Cause.PERMISSION:  # 500 in old generations
        return AccessForbiddenError(
            f"the account may not download this: {said}",
            product=name,
            advice="Ask for access to this data, or leave it out of the query",
        )
    if status == 416 or (ranged and (status in (400, 501) or said.cause is Cause.SERVER_RANGE)):
        return ResumeError(f"the hub cannot continue at this place: {said}", product=name)
    if status in (404, 410) and not said.is_page:
        return ProductGoneError(f"the hub lists it but does not have it: {said}", product=name)
    return HubAnswerError(f"the hub answered {said}", product=name, status=status)
