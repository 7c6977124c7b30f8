"""How pages and the HTTP API are served, and who may come in."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from liftwright.domain.base import Value

_PATTERN = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?")


class ServerSettings(Value):
    """How often one caller may ask, in each process; 0 = as often as they like. A caller is a key, or an address where none was shown.

    `/v1/visitors/` counts for itself: there a shop's own site asks for everybody who visits it, with one key. `links_per_minute`: links for
    people outside, by address. `hosts`: names the server is called by besides this machine's own, without port (`shop.example.com`;
    `*.example.com` for those below; `*` for any).
    """

    requests_per_minute: int = Field(default=600, ge=0)
    visitor_requests_per_minute: int = Field(default=12_000, ge=0)
    sign_ins_per_minute: int = Field(default=10, ge=0)
    links_per_minute: int = Field(default=30, ge=0)
    hosts: tuple[str, ...] = ()

    @field_validator("hosts")
    @classmethod
    def _names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(each.strip().lower() for each in hosts)
        for name in found:
            if not _PATTERN.fullmatch(name):
                raise ValueError(f"'{name[:60]}' is no name such as shop.example.com, without https:// and without a port")
        return found


class OidcSettings(Value):
    """Signing in at a provider of your own. `secret_env` names the environment variable that holds the client's secret ("" = none, PKCE alone);
    `user_claim`: which claim of the ID token is the name of a user here. Without an `issuer` there is no such sign-in."""

    issuer: str = ""
    client_id: str = ""
    secret_env: str = ""
    user_claim: str = "email"
