"""Telling people and programs that an approval waits: a plain mail, or a signed webhook. Both only say so and show where to look.

Titles and reasons are written by code out of goals, rules and settings; here they are words on one line, without links or addresses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from liftwright.channels.base import InDoubt, NoAnswer, Refused, Transient, tried
from liftwright.channels.merge import one_line
from liftwright.channels.smtp import MailServer, transmit
from liftwright.channels.webhook import Post, key_of, signed
from liftwright.domain.errors import ConfigError
from liftwright.domain.notice import Telling, Told
from liftwright.ports import Notifier
from liftwright.settings import Settings

TITLE, WORDS = 300, 200
"""Most characters of a title, and of any other part."""
TIMEOUT = 10.0
"""Seconds to wait for one answer: telling must not keep what customers wait for."""
ONLY_SHOWS = (
    "The link only shows the review page. Opening or forwarding it, or answering this mail, decides nothing: "
    "a decision is made there, under your own name."
)
_ELSEWHERE = re.compile(r"(?i)(?:\S*://|\bwww\.)\S*")
_ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")
_SUBJECTS = {"asked": "Waits for your decision", "escalated": "Needs your name too", "reminder": "Due soon"}
_OPENINGS = {
    "asked": "Something waits for a decision you can make.",
    "escalated": "What waits was escalated to a role you hold.",
    "reminder": "Something waits for a decision you can make, and it is due soon.",
}


def notifiers(settings: Settings, *, environment: Mapping[str, str] | None = None) -> dict[tuple[str, str], Notifier]:
    """Who tells, by way and webhook: `("email", "")` and `("webhook", NAME)`. Empty without `[notify]`.

    Secrets are read from the environment variables that the settings name. Raises ConfigError where one is missing or of no use.
    """
    notify, known = settings.notify, os.environ if environment is None else environment
    found: dict[tuple[str, str], Notifier] = {}
    if notify.smtp:
        host, port, user = notify.server
        password = _secret(notify.password_env, "the mail server", known) if user else ""
        server = MailServer(host=host, port=port, user=user, password=password, tls=notify.tls, timeout=TIMEOUT)
        found["email", ""] = MailNotifier(server, sender=notify.from_email)
    for name, webhook in notify.webhooks.items():
        secret = _secret(webhook.secret_env, f"the webhook {name}", known)
        found["webhook", name] = WebhookNotifier(webhook.url, secret=secret)
    return found


def _secret(variable: str, whose: str, environment: Mapping[str, str]) -> str:
    if not environment.get(variable):
        raise ConfigError(
            "NOTIFY-SECRET",
            f"The secret of {whose} is in the environment variable {variable}, which is not set.",
            next_step=f"Set {variable} where `liftwright worker` runs.",
        )
    return environment[variable]


class MailNotifier:
    """One mail per telling, always under the same Message-ID. In doubt it may have arrived: SMTP has no key."""

    is_idempotent = False

    def __init__(self, server: MailServer, *, sender: str, wait: Callable[[float], None] | None = None) -> None:
        self._server, self._sender, self._wait = server, sender, wait

    def tell(self, telling: Telling, *, now: datetime) -> Told:
        """Send the mail to `telling.to`."""
        message = mail(telling, sender=self._sender, now=now)

        def once() -> None:
            with self._server.open() as line:
                transmit(line, message, sender=self._sender, to=telling.to)

        return _told(once, self._wait)


class WebhookNotifier:
    """One signed POST per telling, as the channels' webhooks sign (Standard Webhooks); the receiver drops an id it knows."""

    is_idempotent = True

    def __init__(self, url: str, *, secret: str, wait: Callable[[float], None] | None = None) -> None:
        self._url, self._key, self._wait = url, key_of(secret), wait

    def tell(self, telling: Telling, *, now: datetime) -> Told:
        """Post it."""

        def once() -> None:
            post = Post(self._url, timeout=TIMEOUT)
            try:
                signed(post, event(telling), key=self._key, message_id=telling.notice_id)
            finally:
                post.close()

        return _told(once, self._wait)


def _told(work: Callable[[], None], wait: Callable[[float], None] | None) -> Told:
    try:
        tried(work, wait=wait)
    except Refused as error:
        return Told("failed", str(error))
    except (InDoubt, NoAnswer) as error:
        return Told("unknown", str(error))
    except Transient as error:
        return Told("later", str(error))
    return Told("sent")


def mail(telling: Telling, *, sender: str, now: datetime) -> EmailMessage:
    """The mail: plain text, so that nothing in a title is markup, with one link."""
    title = words(telling.title, most=TITLE)
    local, _, domain = sender.partition("@")
    message = EmailMessage(policy=SMTP.clone(max_line_length=998))
    message["From"] = Address("Liftwright", local, domain)
    message["To"] = telling.to
    message["Subject"] = f"{_SUBJECTS[telling.kind]} ({telling.risk} risk): {title}"[:TITLE]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{telling.notice_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        _OPENINGS[telling.kind],
        "",
        f"What:     {title}",
        f"Risk:     {telling.risk}",
        f"Why:      {words(telling.trigger)}",
        f"Needs:    {words(', '.join(telling.needs))}",
        f"Asked by: {words(telling.asked_by, with_addresses=True)}",
        *([f"For role: {words(telling.role)}"] if telling.role else []),
        f"Due:      {telling.due_at:%Y-%m-%d %H:%M} UTC; an approval that runs out means no",
        "",
        f"Look at it: {telling.link}",
        "",
        ONLY_SHOWS,
    ]
    message.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return message


def event(telling: Telling) -> dict[str, Any]:
    """The JSON of a webhook: `type`, `timestamp` and `data`, the same however often it is posted."""
    data = {
        "approval_id": telling.approval_id,
        "campaign_id": telling.campaign_id,
        "title": words(telling.title, most=TITLE),
        "risk": telling.risk,
        "trigger": words(telling.trigger),
        "needs": [words(need) for need in telling.needs],
        "asked_by": words(telling.asked_by, with_addresses=True),
        "due_at": telling.due_at.isoformat(),
        "link": telling.link,
        "link_only_shows": True,
    }
    if telling.role:
        data["escalated_to"] = words(telling.role)
    return {"type": f"approval.{telling.kind}", "timestamp": telling.at.isoformat(), "data": data}


def words(text: str, *, most: int = WORDS, with_addresses: bool = False) -> str:
    """A text as words on one line: no control or invisible characters, no link, no mail address, at most `most` characters.

    `with_addresses`: for the name of a user, which may be an address.
    """
    plain = _ELSEWHERE.sub("(link)", one_line(text))
    plain = plain if with_addresses else _ADDRESS.sub("(address)", plain)
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
