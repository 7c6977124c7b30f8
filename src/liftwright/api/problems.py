"""Problems as RFC 9457 documents, and which status an error of ours is."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from liftwright.domain.errors import ApprovalError, LiftwrightError

MEDIA_TYPE = "application/problem+json"
_STATUS = {
    **{"USER-UNKNOWN": 401, "USER-KEY": 401},
    **{"APPROVAL-NOT-YOURS": 403, "LADDER-NOT-YOURS": 403, "USER-NOT-ADMIN": 403, "KEY-SCOPE": 403, "SIGN-IN-OTHER": 401},
    **{"EVAL-BASELINE-ROLE": 403, "DRILL-NOT-YOURS": 403},
    **{"IDEMPOTENCY-BUSY": 409, "REQUEST-SIZE": 413, "REQUEST-HOST": 400, "RATE": 429, "OIDC-DOWN": 503},
}


def status_of(error: LiftwrightError) -> int:
    """401 who acts and is not known, 404 what does not exist, 409 a decision that came too late, 422 what must be said differently, 403 a no, 503 try again."""
    is_of_who_acts = isinstance(error, ApprovalError)
    if error.code.endswith("-UNKNOWN") and not (is_of_who_acts and error.code in _STATUS):
        return 404
    if error.code in _STATUS:
        return _STATUS[error.code]
    if is_of_who_acts:
        return 409
    return {2: 422, 1: 403}.get(error.exit_code, 503)


def document(status: int, *, title: str, detail: str, next_step: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as JSON: `title` is the stable code, `next_step` what to do about it."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "next_step": next_step}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def of(error: LiftwrightError, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error of ours as a problem."""
    return document(status_of(error), title=error.code, detail=error.says, next_step=error.next_step, headers=headers)
