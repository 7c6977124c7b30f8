"""The HTTP application: pages for people, JSON for programs. Problems are pages or RFC 9457 `problem+json`, as who asks understands them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from liftwright import __version__, settings, wiring
from liftwright.api import problems, v1
from liftwright.api.buckets import Buckets
from liftwright.api.headers import Headers
from liftwright.api.hosts import Hosts
from liftwright.api.limits import Limits
from liftwright.api.once import Once
from liftwright.api.pages import mount
from liftwright.api.pages.site import SignInFirst, Site, back
from liftwright.api.watch import Watch
from liftwright.domain.errors import ConfigError, LiftwrightError
from liftwright.evaluation import sample
from liftwright.ports import Deps


def create(deps: Callable[[], Deps], *, clock: Callable[[], float] = time.monotonic, bound: str = "") -> FastAPI:
    """The application; `deps` gives each request the workspace, `bound` is the name it listens at. Nothing is kept between requests but how
    many there were (by `clock`, in seconds), so any worker serves any request."""
    app = FastAPI(
        title="Liftwright",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    buckets = Buckets(clock)
    watch = Watch(lambda: deps().talks)
    v1.mount(app, deps, watch, buckets)
    site = mount(app, deps, watch, buckets)
    app.add_middleware(Once, deps=deps)
    app.add_middleware(Limits, buckets=buckets, settings=lambda: deps().settings.server)
    app.add_middleware(
        GZipMiddleware, compresslevel=6, exclude_content_types=DEFAULT_EXCLUDED_CONTENT_TYPES
    )  # never a stream of events
    app.add_middleware(Hosts, settings=lambda: deps().settings, bound=bound)
    app.add_middleware(Headers)
    app.add_exception_handler(SignInFirst, _to_sign_in)
    app.add_exception_handler(LiftwrightError, _problem(site))
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _no_route(site))
    return app


def following(first: Deps, again: Callable[[], Deps]) -> Callable[[], Deps]:
    """The workspace as it was opened; opened again, once, when a settings file appears in it where there was none: a simulated shop brings
    its own. One that cannot be read changes nothing."""
    path = first.settings.home / sample.SETTINGS
    kept = [first] if path.exists() else []
    lock = threading.Lock()

    def current() -> Deps:
        with lock:
            if not kept and path.exists() and not sample.is_working(deps=first):
                try:
                    kept.append(again())
                except ConfigError:
                    return first
            return kept[0] if kept else first

    return current


def _to_sign_in(request: Request, error: Exception) -> Response:
    """A page leads to the door and back; a form, a part of a page and a stream are only refused."""
    assert isinstance(error, SignInFirst)
    if request.method == "GET" and not request.url.path.endswith(("/part", "/events")):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return back(f"/sign-in?to={quote(asked, safe='')}")
    return problems.document(401, title=error.code, detail=error.says, next_step=error.next_step)


def of_home() -> FastAPI:
    """The application over the workspace that LIFTWRIGHT_HOME names, listening at LIFTWRIGHT_BOUND, at the moment of LIFTWRIGHT_NOW if there is one:
    one of several processes."""
    at = os.environ.get("LIFTWRIGHT_NOW")
    frozen = datetime.fromisoformat(at) if at else None
    now = (lambda: frozen) if frozen is not None else None

    def opened() -> Deps:
        return wiring.build(settings.load(), now=now)

    return create(following(opened(), opened), bound=os.environ.get("LIFTWRIGHT_BOUND", ""))


def _problem(site: Site) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        assert isinstance(error, LiftwrightError)
        if _wants_page(request):
            return site.problem(request, error, status=problems.status_of(error))
        return problems.of(error)

    return handle


def _wrong_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place, says = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ").rstrip(".")
    return problems.document(422, title="REQUEST", detail=f"{place}: {says}.", next_step="See /openapi.json.")


def _no_route(site: Site) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if _wants_page(request):
            missing = LiftwrightError("PAGE", f"{error.detail}.", next_step="Go on from the first page.")
            return site.problem(request, missing, status=error.status_code)
        return problems.document(error.status_code, title="REQUEST", detail=str(error.detail), next_step="See /openapi.json.")

    return handle


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")
