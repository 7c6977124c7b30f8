"""The workspace as whoever sends a request may use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request
from pydantic import SecretStr

from liftwright.api.buckets import Buckets
from liftwright.api.limits import KEY
from liftwright.domain.approval import KeyScope
from liftwright.flow import signing
from liftwright.ports import Deps


class Door:
    """Lets requests in by the key they show (`Authorization: Bearer …`), never by the server's own. A key that holds gets a bucket of its own."""

    def __init__(self, deps: Callable[[], Deps], buckets: Buckets) -> None:
        self._deps, self._buckets = deps, buckets

    def enter(self, request: Request, scope: KeyScope, *, is_named: bool = False) -> Deps:
        """The workspace with the key that was shown. `is_named`: the route says who acts, and the hallway asks for that user's key.

        Raises ApprovalError USER-KEY where a key is needed and none that holds was shown, KEY-SCOPE for one that is for other uses.
        """
        deps = self._deps()
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        shown = SecretStr(key.strip()) if scheme.lower() == "bearer" and key.strip() else None
        now = replace(deps, settings=deps.settings.model_copy(update={"key": shown}))
        holder = signing.may_use(scope, is_named=is_named, deps=now)
        if holder is not None and request.scope.get(KEY):
            self._buckets.trust(request.scope[KEY])
        return now
