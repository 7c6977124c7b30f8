"""Links for people outside: made by a person of the workspace, for one campaign, for some days, and worthless once that person is.

Whatever is wrong with a link, the answer is the same, so that nobody learns which tokens ever were one.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from liftwright.domain.errors import DataError
from liftwright.domain.sharing import LINK_ROLES, LinkRole, SharedLink
from liftwright.flow import signing
from liftwright.ports import Deps

MOST_DAYS = 90
OPENED = "share.opened"
BYTES = 32
"""256 random bits a token."""


def make(campaign_id: str, *, by: str, days: int, role: str, deps: Deps) -> tuple[str, SharedLink]:
    """A new link: its token, which is seen this once, and what is kept of it.

    Raises DataError SHARE-WORDS for days outside 1 to MOST_DAYS, a role there is not, or no name; ApprovalError for a name that is no
    active user's; GoalError for a campaign there is not.
    """
    user = signing.known(by, deps=deps)
    name = user.name if user is not None else by.strip()
    found: dict[str, LinkRole] = {each: each for each in LINK_ROLES}
    if role not in found or not 1 <= days <= MOST_DAYS or not name:
        says = f"A link needs a name, 1 to {MOST_DAYS} days, and one of the roles {', '.join(LINK_ROLES)}."
        raise DataError("SHARE-WORDS", says, next_step="Go back and say all three.")
    deps.campaigns.get(campaign_id)
    token = secrets.token_urlsafe(BYTES)
    now = deps.now()
    link = SharedLink(
        link_id=_digest(token)[:12],
        campaign_id=campaign_id,
        role=found[role],
        made_by=name,
        made_at=now,
        expires_at=now + timedelta(days=days),
    )
    deps.sharing.add(link, _digest(token))
    return token, link


def opened(token: str, *, page: str = "report", deps: Deps) -> SharedLink:
    """The link of a token that holds now; that it was opened is journaled, by the link's name and never by its token.

    page: what was asked for ("report" or "review"). Raises DataError SHARE-UNKNOWN for anything else: no such link, an expired or
    revoked one, one whose maker may not act any more, one whose role does not reach that page.
    """
    link = deps.sharing.find(_digest(token))
    if link is None or not holds(link, deps=deps) or (page == "review" and link.role != "approver"):
        raise DataError("SHARE-UNKNOWN", "This link does not lead anywhere.", next_step="Ask whoever sent it for a new one.")
    detail = {"link": link.link_id, "page": page}
    deps.journal.append(at=deps.now(), actor="somebody with a link", action=OPENED, subject=link.campaign_id, detail=detail)
    return link


def holds(link: SharedLink, *, deps: Deps) -> bool:
    """Whether a link opens anything now: not revoked, not over, and made by somebody who may still act."""
    if link.revoked_at is not None or link.expires_at <= deps.now():
        return False
    users = deps.users.all()
    return not users or any(user.name == link.made_by and user.is_active for user in users)


def revoke(campaign_id: str, link_id: str, *, by: str, deps: Deps) -> None:
    """Take a link back. Raises DataError SHARE-NONE when there is none to take back, ApprovalError for a name that may not act."""
    user = signing.known(by, deps=deps)
    name = user.name if user is not None else by.strip()
    if not name or not deps.sharing.revoke(campaign_id, link_id, by=name, now=deps.now()):
        raise DataError("SHARE-NONE", "There is no such link to take back, or no name was given.", next_step="Look at the list.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
