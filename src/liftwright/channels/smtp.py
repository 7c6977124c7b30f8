"""One SMTP connection and one message over it: what is certain, what passes with time, and what stays in doubt."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP

from liftwright.channels.base import InDoubt, Refused, Transient
from liftwright.channels.merge import one_line
from liftwright.domain.errors import ConfigError


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


class MailServer:
    """Where mail is handed over: STARTTLS where the server offers it, always with `tls="required"` or a user."""

    def __init__(
        self,
        *,
        host: str,
        port: int = 587,
        user: str = "",
        password: str = "",
        tls: str = "offered",
        context: ssl.SSLContext | None = None,
        timeout: float = 30.0,
    ) -> None:
        if tls not in ("offered", "required"):
            raise ConfigError("EMAIL-TLS", f"tls is '{tls}'.", next_step="Use 'offered' or 'required'.")
        self._host, self._port, self._timeout = host, port, timeout
        self._user, self._password, self._tls = user, password, tls
        self._context = context or ssl.create_default_context()

    @contextmanager
    def open(self) -> Iterator[Line]:
        """A connection, made when it is first needed."""
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


def transmit(line: Line, message: EmailMessage, *, sender: str, to: str) -> None:
    """Hand over one message. Raises Refused (5xx), Transient (4xx, no connection) or InDoubt (it broke while the message was on its way)."""
    smtp = line.smtp()
    _envelope(smtp, line, sender, to)
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
