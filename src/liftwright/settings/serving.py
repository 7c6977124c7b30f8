"""How pages and the HTTP API are served, and who may come in."""

from __future__ import annotations

from pydantic import Field

from liftwright.domain.base import Value


class ServerSettings(Value):
    """How often one caller may ask, in each process; 0 = as often as they like. A caller is a key, or an address where none was shown.

    `/v1/visitors/` counts for itself: there a shop's own site asks for everybody who visits it, with one key."""

    requests_per_minute: int = Field(default=600, ge=0)
    visitor_requests_per_minute: int = Field(default=12_000, ge=0)
    sign_ins_per_minute: int = Field(default=10, ge=0)


class OidcSettings(Value):
    """Signing in at a provider of your own. `secret_env` names the environment variable that holds the client's secret ("" = none, PKCE alone);
    `user_claim`: which claim of the ID token is the name of a user here. Without an `issuer` there is no such sign-in."""

    issuer: str = ""
    client_id: str = ""
    secret_env: str = ""
    user_claim: str = "email"
