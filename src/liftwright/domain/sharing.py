"""A link to one campaign's report for somebody outside the workspace."""

from __future__ import annotations

from typing import Literal

from liftwright.domain.base import AwareDatetime, Value

LinkRole = Literal["viewer", "approver"]
"""viewer: the report. approver: the plan under review too; to decide they sign in like anybody."""
LINK_ROLES: tuple[LinkRole, ...] = ("viewer", "approver")


class SharedLink(Value):
    """What is kept of a link. `link_id` is the start of its token's SHA-256: it names the link and opens nothing."""

    link_id: str
    campaign_id: str
    role: LinkRole
    made_by: str
    made_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None = None
