"""E-mail over SMTP, with the headers large mailbox providers ask for. Not idempotent: SMTP has no key, so doubt stays doubt."""

from __future__ import annotations

import html
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from liftwright.channels.base import BaseAdapter, InDoubt, Refused, Transient
from liftwright.channels.merge import fill, one_line
from liftwright.domain.delivery import Delivery
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import Channel
from liftwright.settings.sender import SenderSettings

SUBJECT, BODY = 120, 10_000
"""Most characters of the subject and the body after the merge tags are filled."""
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]+@[^\s@<>\"(),:;\\\[\]]+\.[^\s@<>\"(),:;\\\[\]]+")
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")


class Line:
    """One SMTP connection, opened when first needed and again after it broke."""

    def __init__(self, connect: Callable[[], smtplib.SMTP]) -> None:
        self._connect = connect
        self._smtp: smtplib.SMTP | None = None

    def smtp(self) -> smtplib.SMTP:
        """The open connection. Raises Transient when there is none to be had, Refused when the account is not let in."""
        if self._smtp is None:
            try:
                self._smtp = self._connect()
            except smtplib.SMTPAuthenticationError as error:
                raise Refused(f"the mail server refuses the account ({error.smtp_code})") from error
            except (OSError, smtplib.SMTPException) as error:
                raise Transient(f"the mail server cannot be reached ({type(error).__name__})") from error
        return self._smtp

    def drop(self) -> None:
        """Forget a connection that cannot be trusted any more."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def close(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self._smtp = None


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
        if tls not in ("offered", "required"):
            raise ConfigError("EMAIL-TLS", f"tls is '{tls}'.", next_step="Use 'offered' or 'required'.")
        self._sender, self._host, self._port = sender, host, port
        self._user, self._password, self._tls, self._timeout = user, password, tls, timeout
        self._context = context or ssl.create_default_context()

    @contextmanager
    def open(self) -> Iterator[Line]:
        """A connection for the batch."""
        line = Line(self._connect)
        try:
            yield line
        finally:
            line.close()

    def _connect(self) -> smtplib.SMTP:
        smtp = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            smtp.ehlo()
            if smtp.has_extn("starttls"):
                smtp.starttls(context=self._context)
                smtp.ehlo()
            elif self._tls == "required" or self._user:
                raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS")
            if self._user:
                smtp.login(self._user, self._password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def send(self, line: Line, delivery: Delivery, *, now: datetime) -> str:
        """Send one message; returns its Message-ID."""
        to = delivery.contact.get("email", "").strip()
        if not _ADDRESS.fullmatch(to) or not to.isascii():
            raise Refused("no usable e-mail address")
        message = compose(delivery, sender=self._sender, now=now)
        smtp = line.smtp()
        _envelope(smtp, line, self._sender.from_email, to)
        try:
            code, answer = smtp.data(message.as_bytes(policy=SMTP))
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            line.drop()
            raise InDoubt(f"the connection broke while the message was on its way ({type(error).__name__})") from error
        except smtplib.SMTPDataError as error:
            _reset(smtp, line)
            raise _judged(error.smtp_code, error.smtp_error) from error
        if code != 250:
            raise _judged(code, answer)
        return str(message["Message-ID"])


def _envelope(smtp: smtplib.SMTP, line: Line, sender: str, to: str) -> None:
    """MAIL FROM and RCPT TO; until both are accepted nothing has left."""
    try:
        for code, answer in (smtp.mail(sender), smtp.rcpt(to)):
            if code not in (250, 251):
                _reset(smtp, line)
                raise _judged(code, answer)
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        line.drop()
        raise Transient(f"the connection broke before the message left ({type(error).__name__})") from error


def _reset(smtp: smtplib.SMTP, line: Line) -> None:
    try:
        smtp.rset()
    except (OSError, smtplib.SMTPException):
        line.drop()


def _judged(code: int, answer: bytes | str) -> Transient | Refused:
    """421 and other 4xx answers pass with time; 5xx do not."""
    says = one_line(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)
    says = re.sub(r"[^\s<>]+@[^\s<>]+", "(address)", says)[:160]
    return Transient(f"{code} {says}") if 400 <= code < 500 else Refused(f"{code} {says}")


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
