"""By which names this server is called. A page of a stranger whose name was made to point here (DNS rebinding) gets no answer, and no link is
made from a name somebody else chose."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from liftwright.api import problems
from liftwright.domain.errors import DataError
from liftwright.settings import Settings

HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?)\.?)(?::[0-9]{1,5})?")


class Hosts:
    """ASGI middleware. `bound`: the name the server was told to listen at."""

    def __init__(self, app: ASGIApp, *, settings: Callable[[], Settings], bound: str = "") -> None:
        self._app, self._settings, self._bound = app, settings, bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 400 where it names no host of ours, or more than one."""
        named = [value.decode("latin-1") for key, value in scope.get("headers", ()) if key == b"host"]
        is_ours = len(named) == 1 and is_known(named[0], self._settings(), bound=self._bound)
        app = self._app if is_ours or scope["type"] != "http" else _refusal(scope)
        await app(scope, receive, send)


def is_known(host: str, settings: Settings, *, bound: str = "") -> bool:
    """Whether a Host header names this server: any address in figures (a stranger's name is none), this machine, `bound`, the host of
    `[notify] base_url`, or one of `[server] hosts`."""
    found = HOST.fullmatch(host.lower())
    name = (found["six"] or found["name"]) if found else ""
    if not name or _is_address(name):
        return bool(name)
    own = {"localhost", socket.gethostname().lower(), bound.lower(), urlsplit(settings.notify.base_url).hostname}
    return name in own or any(_fits(name, each) for each in ("*.localhost", *settings.server.hosts))


def _fits(name: str, pattern: str) -> bool:
    return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _refusal(scope: Scope) -> Response:
    says = "This server is not called by that name."
    error = DataError(
        "REQUEST-HOST", says, next_step='Whoever runs it can add the name in liftwright.toml: [server] hosts = ["NAME"].'
    )
    if scope["path"].startswith("/v1/") or "text/html" not in Headers(scope=scope).get("accept", ""):
        return problems.of(error)
    words = f"<h1>{escape(error.says)}</h1><p>{escape(error.next_step)}</p>"
    return HTMLResponse(f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Not here</title>{words}', status_code=400)
