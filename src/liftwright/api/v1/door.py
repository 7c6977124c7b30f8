"""The workspace as whoever sends a request may use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request
from pydantic import SecretStr

from liftwright.api.buckets import Buckets
from liftwright.api.limits import KEY
from liftwright.api.origin import Refused, is_same_site
from liftwright.domain.approval import KeyScope
from liftwright.flow import signing
from liftwright.ports import Deps


class Door:
    """Lets requests in by the key they show (`Authorization: Bearer …`), never by the server's own. A key that holds gets a bucket of its own."""

    def __init__(self, deps: Callable[[], Deps], buckets: Buckets) -> None:
        self._deps, self._buckets = deps, buckets

    def enter(self, request: Request, scope: KeyScope, *, by: str | None = None) -> Deps:
        """The workspace with the key that was shown. `by`: who acts, where the route says so; then it must be that user's.

        Raises ApprovalError USER-KEY where a key is needed and none that holds was shown, KEY-SCOPE for one that is for other
        uses; Refused for what a browser sends from another site without a key.
        """
        deps = self._deps()
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        shown = SecretStr(key.strip()) if scheme.lower() == "bearer" and key.strip() else None
        now = replace(deps, settings=deps.settings.model_copy(update={"key": shown}))
        if shown is None and request.method == "POST" and not is_same_site(request):
            says = "Pages of other sites may not act here without a key."
            raise Refused("REQUEST-ORIGIN", says, next_step="Show a key: Authorization: Bearer KEY.")
        holder = signing.may_use(scope, is_named=by is not None, deps=now)
        if by is not None:
            signing.known(by, deps=now, scope=scope)
        if holder is not None and request.scope.get(KEY):
            self._buckets.trust(request.scope[KEY])
        return now
