"""E-mail over SMTP, with the headers large mailbox providers ask for. Not idempotent: SMTP has no key, so doubt stays doubt."""

from __future__ import annotations

import html
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from liftwright.channels.base import BaseAdapter, Refused
from liftwright.channels.merge import fill, one_line
from liftwright.channels.smtp import Line, MailServer, transmit
from liftwright.domain.address import is_email
from liftwright.domain.delivery import Delivery
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import Channel
from liftwright.settings.sender import SenderSettings

SUBJECT, BODY = 120, 10_000
"""Most characters of the subject and the body after the merge tags are filled."""
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")


class EmailAdapter(BaseAdapter):
    """SMTP with STARTTLS where the server offers it (or always, with `tls="required"`).

    Refusals (5xx) are failures, temporary ones (4xx) and connections that never came up are tried again; a connection that breaks
    once the message was on its way is `unknown`. The unsubscribe link must be https (RFC 8058).
    """

    channel: Channel = "email"
    is_idempotent = False

    def __init__(
        self,
        *,
        sender: SenderSettings,
        host: str,
        port: int = 587,
        user: str = "",
        password: str = "",
        tls: str = "offered",
        context: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__(wait=wait)
        if urlsplit(sender.unsubscribe_url).scheme != "https":
            raise ConfigError(
                "EMAIL-UNSUBSCRIBE",
                "One-click unsubscribe needs an https address.",
                next_step="Set unsubscribe_url under [sender] to an https address.",
            )
        self._sender = sender
        self._server = MailServer(host=host, port=port, user=user, password=password, tls=tls, context=context, timeout=timeout)

    @contextmanager
    def open(self) -> Iterator[Line]:
        """A connection for the batch."""
        with self._server.open() as line:
            yield line

    def send(self, line: Line, delivery: Delivery, *, now: datetime) -> str:
        """Send one message; returns its Message-ID."""
        to = delivery.contact.get("email", "").strip()
        if not is_email(to):
            raise Refused("no usable e-mail address")
        message = compose(delivery, sender=self._sender, now=now)
        transmit(line, message, sender=self._sender.from_email, to=to)
        return str(message["Message-ID"])


def compose(delivery: Delivery, *, sender: SenderSettings, now: datetime) -> EmailMessage:
    """The message: plain text and HTML, From, To, Message-ID from the send_id, and both RFC 8058 headers. Raises Refused, NoValue."""
    send, variant, contact = delivery.send, delivery.variant, delivery.contact
    subject = fill(variant.subject, contact, channel="email", context="header")
    body = fill(variant.body, contact, channel="email")
    if len(subject) > SUBJECT or len(body) > BODY:
        raise Refused(f"the message is longer than {SUBJECT} characters of subject or {BODY} of body")
    footer = _footer(body, sender)
    leave = unsubscribe_link(sender.unsubscribe_url, send.send_id)
    message = EmailMessage(policy=SMTP.clone(max_line_length=998))
    local, _, domain = sender.from_email.partition("@")
    message["From"] = Address(one_line(sender.name), local, domain)
    message["To"] = contact["email"].strip()
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{_token(send.send_id)}@{domain}>"
    message["List-Unsubscribe"] = f"<{leave}>, <mailto:{sender.from_email}?subject={quote('unsubscribe ' + send.send_id)}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(body + footer)
    message.add_alternative(_html(body + footer), subtype="html")
    return message


def unsubscribe_link(url: str, send_id: str) -> str:
    """The unsubscribe address of one send."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode({"send_id": send_id})) if part)
    return urlunsplit(parts._replace(query=query))


def _footer(body: str, sender: SenderSettings) -> str:
    """Who sends and how to leave, where the text does not say so already."""
    absent = [text for text in (f"{sender.name}, {sender.address}",) if sender.address not in body]
    if sender.unsubscribe_url not in body:
        absent.append(f"Unsubscribe: {sender.unsubscribe_url}")
    return "\n\n--\n" + "\n".join(absent) if absent else ""


def _html(text: str) -> str:
    def linked(line: str) -> str:
        parts, position = [], 0
        for match in _LINK.finditer(line):
            url = html.escape(match.group())
            parts += [html.escape(line[position : match.start()]), f'<a href="{url}">{url}</a>']
            position = match.end()
        return "".join([*parts, html.escape(line[position:])])

    blocks = ["<br>\n".join(linked(line) for line in block.split("\n")) for block in re.split(r"\n{2,}", text.strip())]
    return "<!doctype html>\n<html><body>\n" + "\n".join(f"<p>{block}</p>" for block in blocks) + "\n</body></html>\n"


def _token(send_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", send_id)
