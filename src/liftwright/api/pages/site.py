"""What every page shares: templates, who is signed in, tokens of forms, and headers that keep strangers' code out.

A page is a view on stored state. Between two requests the server remembers nothing: the session is a key in a cookie, looked up in the
database, and a form's token is derived from that cookie.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import SecretStr
from starlette.datastructures import FormData

from liftwright.api import characters
from liftwright.api.buckets import Buckets
from liftwright.api.limits import KEY, SESSION
from liftwright.api.origin import Refused, is_same_site
from liftwright.api.pages import glossary, words
from liftwright.api.watch import Watch
from liftwright.domain.approval import MOST_NAME, is_name
from liftwright.domain.errors import DataError, LiftwrightError
from liftwright.flow import people, shown
from liftwright.ports import Deps

HERE = Path(__file__).resolve().parents[1]
STATIC = HERE / "static"
VISIT, NAME = "lw_visit", "lw_name"
"""Cookies besides the key of a session: a random number every browser gets, and the name typed in a workspace without users."""
DAYS_90 = 90 * 24 * 3600
SALT = 16
"""Characters at the beginning of a form's token that differ from page to page."""


class SignInFirst(LiftwrightError):
    """Only users of the workspace may see this."""

    exit_code = 1


@dataclass(frozen=True)
class Visitor:
    """Who looks: `name` is "" where nobody signed in; `deps` act with their session's key and with no other."""

    name: str
    deps: Deps
    visit: str
    has_users: bool

    @cached_property
    def token(self) -> str:
        """What a form of this visitor must carry: of this browser and of this session, and another one on every page."""
        return token_of(self.visit, self.session_key, secrets.token_hex(SALT // 2))

    @property
    def session_key(self) -> str:
        """The key of this visitor's session; "" without one."""
        key = self.deps.settings.key
        return key.get_secret_value() if key is not None else ""

    @property
    def needs_sign_in(self) -> bool:
        """Whether the workspace has users and this visitor is none of them."""
        return self.has_users and not self.name

    def acting(self, fields: FormData) -> str:
        """Who acts by a form: who is signed in; in a workspace without users the name that was typed, else the one this browser goes by.

        Raises DataError ACT-WHO for none, and for what is no name.
        """
        typed = "" if self.has_users else str(fields.get("by", "")).strip()
        by = typed or self.name
        if not is_name(by):
            raise DataError(
                "ACT-WHO", f"That needs a name of up to {MOST_NAME} characters.", next_step="Go back and say who you are."
            )
        return by


class Site:
    """Renders pages and reads forms; `deps` gives each request the workspace, `watch` looks for all streams at once."""

    def __init__(self, deps: Callable[[], Deps], watch: Watch, buckets: Buckets) -> None:
        self._deps, self._buckets = deps, buckets
        self.watch = watch
        self._templates = templates()

    def visitor(self, request: Request) -> Visitor:
        """Who sends this request, looked up once. A session that does not hold any more is nobody's."""
        if not hasattr(request.state, "visitor"):
            request.state.visitor = self._looked_up(request)
        found: Visitor = request.state.visitor
        return found

    def look_again(self, request: Request) -> None:
        """Who sends this request is looked up anew: who may do what has just changed."""
        del request.state.visitor

    def _looked_up(self, request: Request) -> Visitor:
        deps, session = self._deps(), kept(request, SESSION)
        name, _, key = session.rpartition(":")
        acting = replace(deps, settings=deps.settings.model_copy(update={"key": SecretStr(key) if key else None}))
        has_users = bool(deps.users.all())
        if not has_users:
            name = kept(request, NAME)[:MOST_NAME]
        elif not self._holds(request, name, key, deps):
            name = ""
        visit = request.cookies.get(VISIT) or secrets.token_urlsafe(24)
        return Visitor(name=name, deps=acting, visit=visit, has_users=has_users)

    def _holds(self, request: Request, name: str, key: str, deps: Deps) -> bool:
        """Whether a session is this user's and holds. One that does asks out of a bucket of its own."""
        holder = deps.users.holder(key, now=deps.now()) if key.startswith(people.SESSION) else None
        if holder is not None and request.scope.get(KEY):
            self._buckets.trust(request.scope[KEY])
        return holder is not None and holder.name == name and not holder.scopes

    def inside(self, request: Request) -> Visitor:
        """Who sends this request, where they may look. Raises SignInFirst for a stranger in a workspace with users."""
        visitor = self.visitor(request)
        if visitor.needs_sign_in:
            raise SignInFirst("SIGN-IN", "Only users of this workspace may see that.", next_step="Sign in first.")
        return visitor

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """A whole page. Sets the visit's cookie where the browser has none."""
        visitor = self.visitor(request)
        body = self.render(template, visitor=visitor, here=request.url.path, waiting=_waiting(visitor), **values)
        response = HTMLResponse(body, status_code=status)
        if request.cookies.get(VISIT) != visitor.visit:
            keep(response, request, VISIT, visitor.visit, lasts=DAYS_90)
        return response

    def render(self, template: str, **values: Any) -> str:
        """A template as text; what is not given is an error and never an empty place."""
        return self._templates.get_template(template).render(**values)

    def problem(self, request: Request, error: LiftwrightError, *, status: int) -> Response:
        """What failed, what still holds, and one next action."""
        return self.page(request, "problem.html", status=status, error=error, title="That did not work")

    async def form(self, request: Request, *, by_strangers: bool = False, most_fields: int = 200) -> tuple[Visitor, FormData]:
        """The fields of a form whose token is right, that comes from this site and from somebody who may look; `by_strangers`: from anybody.

        Raises Refused, SignInFirst, and DataError REQUEST-NUL for texts nothing can keep. The caller closes fields that hold a file.
        """
        visitor = self.visitor(request) if by_strangers else self.inside(request)
        fields = await request.form(max_files=1, max_fields=most_fields)
        given = str(fields.get("token", ""))
        is_own = request.cookies.get(VISIT) == visitor.visit and _is_token(given, visitor)
        texts = [(name, value if isinstance(value, str) else value.filename) for name, value in fields.multi_items()]
        try:
            if not characters.are_whole(texts):
                raise DataError("REQUEST-NUL", characters.SAYS, next_step="Go back and leave it out.")
            if not is_own or not is_same_site(request):
                says = "This form is not one of ours, or it is too old."
                raise Refused("FORM-TOKEN", says, next_step="Open the page again and repeat it.")
        except LiftwrightError:
            await fields.close()
            raise
        return visitor, fields


def templates() -> Environment:
    """The templates with their filters: everything is escaped, and what is not given is an error."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= words.FILTERS
    found.globals |= {"version": _fingerprint(), "term": glossary.term, "most_name": MOST_NAME}
    return found


def reason(fields: FormData) -> str:
    """Why somebody acts by a form. Raises DataError ACT-WORDS for no reason."""
    said = str(fields.get("reason", "")).strip()
    if not said:
        raise DataError("ACT-WORDS", "That needs a reason.", next_step="Go back and say why.")
    return said


def style() -> str:
    """The style of every page as text, for a page that is to stand alone."""
    return (STATIC / "app.css").read_text(encoding="utf-8")


def address(request: Request, deps: Deps) -> str:
    """Where these pages are, for links that leave the house: `[notify] base_url`, else as this request called them."""
    return deps.settings.notify.base_url or f"{request.url.scheme}://{request.headers['host']}"


def campaign(campaign_id: str, deps: Deps) -> dict[str, Any]:
    """`show --json` of a campaign with every key a page speaks of. Raises GoalError for one that does not exist."""
    return {"stop_reason": "", "question": "", **shown.show_json(campaign_id, deps=deps)}


def token_of(visit: str, session: str, salt: str) -> str:
    """A token of a visit's forms: only who can read both cookies can make it, and who plants one of them cannot. It begins with its salt.

    A new salt on every page keeps the token from being guessed piece by piece out of the sizes of compressed pages.
    """
    return salt + hashlib.sha256(f"liftwright form {salt} {visit} {session}".encode()).hexdigest()


def _is_token(given: str, visitor: Visitor) -> bool:
    return hmac.compare_digest(given.encode(), token_of(visitor.visit, visitor.session_key, given[:SALT]).encode())


def keep(response: Response, request: Request, name: str, value: str, *, lasts: int) -> None:
    """A cookie that scripts cannot read and that other sites' forms do not send; see `kept`."""
    response.set_cookie(
        name,
        quote(value, safe=":@"),
        max_age=lasts,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def kept(request: Request, name: str) -> str:
    """What a cookie of ours holds, in whatever letters; "" where there is none."""
    found = unquote(request.cookies.get(name, ""))
    return found if characters.are_whole(found) else ""


def back(to: str) -> Response:
    """After a form: the page that shows what it did. Only to a path of this site."""
    parts = urlsplit(to)
    path = to if to.startswith("/") and not to.startswith(("//", "/\\")) and not parts.netloc and "\n" not in to else "/"
    return RedirectResponse(quote(path, safe="/?=&#%.-_~:,"), status_code=303)


def _waiting(visitor: Visitor) -> int:
    """How many approvals wait; 0 for a stranger. Read from their rows alone, so that a page can say what is broken elsewhere."""
    now = visitor.deps.now()
    return 0 if visitor.needs_sign_in else sum(row.expires_at > now for row in visitor.deps.approvals.waiting())


def _fingerprint() -> str:
    """Changes with every file under static/, so that browsers may keep them for ever."""
    whole = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:12]
