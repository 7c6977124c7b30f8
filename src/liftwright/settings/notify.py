"""Who is told that an approval waits, and by which way. Nothing is set out of the box, and then nobody is told."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import field_validator, model_validator

from liftwright.domain.address import is_email, is_private
from liftwright.domain.base import Value

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


class NotifyWebhookSettings(Value):
    """One receiver. `secret_env` names the environment variable that holds the secret (`whsec_` and base64 of 24 to 64 bytes)."""

    url: str
    secret_env: str

    @field_validator("url")
    @classmethod
    def _reachable(cls, text: str) -> str:
        url = _split(text)
        if url is None or not is_private(url) or url.username or url.password or url.fragment:
            raise ValueError("a webhook needs an https address without user, password or # (http only on this machine)")
        return text

    @field_validator("secret_env")
    @classmethod
    def _named(cls, text: str) -> str:
        return _variable(text)


class NotifySettings(Value):
    """`base_url`: where the web pages are, for every link that leaves the house. `smtp`: `smtp://[user@]host[:port]`, with the password in the variable that
    `password_env` names; `tls` as for the channel email. `from_email`: the sender of these mails. `webhooks`: by name."""

    base_url: str = ""
    from_email: str = ""
    smtp: str = ""
    password_env: str = ""
    tls: Literal["offered", "required"] = "offered"
    webhooks: dict[str, NotifyWebhookSettings] = {}

    @property
    def is_on(self) -> bool:
        """Whether anybody is told at all."""
        return bool(self.smtp or self.webhooks)

    @property
    def server(self) -> tuple[str, int, str]:
        """Host, port (587 where none is given) and user ("" for none) of the mail server."""
        url = urlsplit(self.smtp)
        return url.hostname or "", url.port or 587, unquote(url.username or "")

    @field_validator("base_url")
    @classmethod
    def _linkable(cls, text: str) -> str:
        url = _split(text)
        if text and (url is None or not is_private(url) or url.username or url.query or url.fragment):
            raise ValueError("links need an https address without user, ? or # (http only on this machine)")
        return text.rstrip("/")

    @field_validator("from_email")
    @classmethod
    def _usable(cls, text: str) -> str:
        if text and not is_email(text):
            raise ValueError("this is no e-mail address in plain ASCII")
        return text

    @field_validator("smtp")
    @classmethod
    def _mail_server(cls, text: str) -> str:
        url = _split(text)
        if text and (url is None or url.scheme != "smtp" or not url.hostname or url.path.strip("/") or url.query or url.fragment):
            raise ValueError("a mail server is written smtp://user@host:port")
        if url is not None and url.password is not None:
            raise ValueError("a password never stands in this file: name an environment variable with password_env")
        return text

    @field_validator("password_env")
    @classmethod
    def _password(cls, text: str) -> str:
        return _variable(text) if text else text

    @field_validator("webhooks")
    @classmethod
    def _named(cls, webhooks: dict[str, NotifyWebhookSettings]) -> dict[str, NotifyWebhookSettings]:
        for name in webhooks:
            if not _NAME.fullmatch(name):
                raise ValueError("a webhook's name has up to 40 letters, digits, - and _")
        return webhooks

    @model_validator(mode="after")
    def _whole(self) -> NotifySettings:
        absent = ""
        if not self.is_on and (self.from_email or self.password_env):
            absent = "it says nobody who is told: set smtp and from_email, or a [notify.webhooks.NAME]"
        elif self.is_on and not self.base_url:
            absent = "base_url is needed, for the link to the review page"
        elif bool(self.smtp) != bool(self.from_email):
            absent = "smtp and from_email need each other"
        elif self.smtp and bool(self.server[2]) != bool(self.password_env):
            absent = "a user in smtp and password_env need each other"
        if absent:
            raise ValueError(absent)
        return self


def _split(text: str) -> SplitResult | None:
    """The parts of an address; None for what is none."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    return None if re.search(r"[\s\x00-\x1f\x7f\\]", text) else url


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("name an environment variable here, never the secret itself")
    return text
