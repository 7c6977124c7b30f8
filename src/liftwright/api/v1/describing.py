"""The OpenAPI document: what each answer looks like, and that every refusal is a problem (RFC 9457)."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from liftwright.api.problems import MEDIA_TYPE

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "type": "object",
    "description": "What is wrong and what to do next (RFC 9457). `title` is a stable code that programs may match.",
    "required": ["type", "title", "status", "detail", "next_step"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "next_step": {"type": "string"},
    },
}
_WHY: dict[int, tuple[str, str, str, str]] = {
    400: ("The request cannot be read.", "REQUEST", "There was an error parsing the body", "See /openapi.json."),
    401: ("No key that holds was shown.", "USER-KEY", "Only users of this workspace may see that.", "Show a key of a user."),
    403: (
        "The user or the key may not do that.",
        *("KEY-SCOPE", "This key of leo's is for read only.", "Show one for that: `liftwright users key leo --scope plan`."),
    ),
    404: ("There is no such thing.", "CAMPAIGN-UNKNOWN", "There is no campaign 'c-1'.", "See `liftwright list`."),
    409: (
        "It came too late, or the same request is still at work.",
        *("APPROVAL-STALE", "The plan has changed since.", "Read it again and decide on its hash."),
    ),
    413: ("The body is too large.", "REQUEST-SIZE", "The request is larger than 1 MB.", "Send less."),
    422: ("It must be said differently.", "REQUEST", "body.goal: Field required.", "See /openapi.json."),
    429: ("It was asked too often.", "RATE", "That was asked too often in a minute.", "Try again in 3 seconds."),
    503: ("Try again later.", "MODEL-DOWN", "The language model does not answer.", "Try again later."),
}
READS, WRITES = (401, 403, 422, 429, 503), (400, 401, 403, 409, 413, 422, 429, 503)
ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A random text of yours. The same one with the same request is done once, and answered again for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def answers(example: Any, *problems: int, status: int = 200, says: str = "Done.", is_list: bool = False) -> dict[int | str, Any]:
    """The answers of a route: one that works, with an example, and its problems."""
    good: dict[str, Any] = {"description": says, "content": {"application/json": {"example": example}}}
    if is_list:
        good["headers"] = {
            "Link": {"description": 'The next page, as rel="next", where there is one.', "schema": {"type": "string"}}
        }
    found: dict[int | str, Any] = {status: good}
    return found | {code: _problem(code) for code in problems}


def _problem(status: int) -> dict[str, Any]:
    says, title, detail, next_step = _WHY[status]
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail, "next_step": next_step}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": says, "content": content} | ({"headers": RETRY} if status == 429 else {})


def describe(app: FastAPI) -> None:
    """Have the application add what its routes share: the problem, the keys, the header that makes a POST be done once."""
    make = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = make()
            components = found.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = PROBLEM
            for unused in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(unused, None)
            components["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "A key: `liftwright users key NAME`."}
            }
            found["security"] = [{}, {"key": []}]
            for path in found["paths"].values():
                if "post" in path:
                    path["post"].setdefault("parameters", []).append(ONCE)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]
