"""`Idempotency-Key`: a POST under the same key is done once, by whatever process, and answered again for a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liftwright.api import problems
from liftwright.domain.errors import ApprovalError, DataError, LiftwrightError
from liftwright.domain.request import Answer, Taken
from liftwright.ports import Deps

HEADER, REPLAYED = "idempotency-key", "idempotency-replayed"
LONGEST = 200
_NOT_KEPT = frozenset((401, 403, 413, 429))
"""Answers about who asks and how often, not about what is asked: nothing was done, and the next time may differ. So with 5xx."""
_VISITORS = "/v1/visitors/"


class Once:
    """ASGI middleware for POSTs of the API that carry the header; any other request passes untouched."""

    def __init__(self, app: ASGIApp, *, deps: Callable[[], Deps]) -> None:
        self._app, self._deps = app, deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do a request, or answer what the first of its kind was answered."""
        is_ours = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith("/v1/")
        if not is_ours or HEADER not in (headers := Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        deps = self._deps()
        try:
            body = await _whole(receive)
            request_id = await run_in_threadpool(_request_id, scope, headers, deps)
            taken = await run_in_threadpool(_take, scope, request_id, body, deps)
        except LiftwrightError as error:
            await problems.of(error)(scope, receive, send)
            return
        if taken.answer is not None:
            await _as_response(taken.answer)(scope, receive, send)
            return
        messages: list[Message] = []
        try:
            await self._app(scope, _replay(body, receive), _into(messages))
        except Exception:
            await run_in_threadpool(deps.requests.free, request_id, token=taken.token)
            raise
        await run_in_threadpool(_finish, request_id, taken.token, messages, deps)
        for message in messages:
            await send(message)


def _request_id(scope: Scope, headers: Headers, deps: Deps) -> str:
    """A digest of who asks where under which key of theirs. Raises DataError for a key that is none."""
    given = headers[HEADER].strip()
    if not given or len(given) > LONGEST or not given.isprintable():
        says = f"An Idempotency-Key is 1 to {LONGEST} printable characters."
        raise DataError("IDEMPOTENCY-KEY", says, next_step="Send a random one, for example a UUID.")
    scheme, _, key = headers.get("authorization", "").partition(" ")
    holder = deps.users.holder(key.strip(), now=deps.now()) if scheme.lower() == "bearer" else None
    who = [holder.name, *holder.scopes] if holder is not None else [None, deps.users.have_keys()]
    return hashlib.sha256(json.dumps([who, scope["path"], given]).encode()).hexdigest()


def _take(scope: Scope, request_id: str, body: bytes, deps: Deps) -> Taken:
    """Claim the request. Raises for a key that was used for something else, and for one whose request is at work."""
    path = str(scope["path"])
    customer_id = unquote(path.removeprefix(_VISITORS).partition("/")[0]) if path.startswith(_VISITORS) else None
    asked = hashlib.sha256(bytes(scope["query_string"]) + b"\n" + body).hexdigest()
    taken = deps.requests.take(request_id, asked=asked, now=deps.now(), customer_id=customer_id)
    if taken.state == "other":
        says = "This Idempotency-Key was used for another request."
        raise DataError("IDEMPOTENCY-REUSED", says, next_step="Use a new key for a new request.")
    if taken.state == "busy":
        says = "The request with this Idempotency-Key is still at work."
        raise ApprovalError("IDEMPOTENCY-BUSY", says, next_step="Ask again in a moment, with the same key.")
    return taken


def _finish(request_id: str, token: str, messages: list[Message], deps: Deps) -> None:
    """Keep the answer before it is given, or let the key be used again."""
    status = int(messages[0]["status"]) if messages else 500
    if status >= 500 or status in _NOT_KEPT:
        deps.requests.free(request_id, token=token)
        return
    media_type = Headers(raw=messages[0]["headers"]).get("content-type", "application/json")
    body = b"".join(message.get("body", b"") for message in messages[1:]).decode()
    deps.requests.answered(request_id, token=token, answer=Answer(status=status, media_type=media_type, body=body))


def _as_response(answer: Answer) -> Response:
    headers = {REPLAYED: "true", "content-type": answer.media_type}
    return Response(answer.body, status_code=answer.status, headers=headers)


async def _whole(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever else comes."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _into(messages: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        messages.append(message)

    return keep
