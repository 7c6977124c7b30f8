"""E-mail over a real SMTP server on this machine."""

import email
import ssl
import warnings
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from liftwright.channels.email import EmailAdapter, compose, unsubscribe_link
from liftwright.domain.errors import ConfigError
from liftwright.settings import SenderSettings
from post_office import Mailbox, serve

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SENDER = SenderSettings()
CERTIFICATE = Path(__file__).parent / "localhost.pem"


def adapter(box: Mailbox, **options: Any) -> EmailAdapter:
    return EmailAdapter(sender=SENDER, host="127.0.0.1", port=box.port, timeout=5, wait=lambda seconds: None, **options)


@pytest.mark.loopback
def test_a_message_arrives_with_both_forms_and_the_headers_of_rfc_8058(mailbox: Mailbox, make: Any) -> None:
    receipt = adapter(mailbox).deliver([make(1)], now=NOW)[0]
    assert (receipt.outcome, receipt.provider_id) == ("sent", "<s0001@example.test>")
    message = mailbox.messages()[0]
    assert message["To"] == "jana@example.com"
    assert message["From"] == "Liftwright demo shop <shop@example.test>"
    assert message["Subject"] == "Hello Jana"
    assert message["Message-ID"] == "<s0001@example.test>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "<https://example.test/unsubscribe?send_id=s0001>" in message["List-Unsubscribe"]
    assert "<mailto:shop@example.test?subject=unsubscribe%20s0001>" in message["List-Unsubscribe"]
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert "Hi Jana" in plain.get_content()
    assert SENDER.address in plain.get_content()
    assert f'<a href="{SENDER.unsubscribe_url}">' in rich.get_content()


@pytest.mark.loopback
def test_a_batch_uses_one_connection_and_a_repeated_send_goes_once(mailbox: Mailbox, make: Any) -> None:
    batch = [make(1), make(2), make(1)]
    receipts = adapter(mailbox).deliver(batch, now=NOW)
    assert [receipt.outcome for receipt in receipts] == ["sent", "sent", "sent"]
    assert len(mailbox.arrived) == 2
    assert mailbox.connections == 1


@pytest.mark.loopback
def test_a_refused_recipient_fails_and_the_next_one_still_gets_mail(mailbox: Mailbox, make: Any) -> None:
    mailbox.refuse["gone@example.com"] = "550 no such user gone@example.com"
    gone = make(1, contact={"email": "gone@example.com"})
    first, second = adapter(mailbox).deliver([gone, make(2)], now=NOW)
    assert (first.outcome, second.outcome) == ("failed", "sent")
    assert "550" in first.reason
    assert "gone@example.com" not in first.reason


@pytest.mark.loopback
def test_a_temporary_refusal_is_tried_again_and_then_put_off(mailbox: Mailbox, make: Any) -> None:
    mailbox.data_answers = ["451 try later", "250 queued"]
    assert adapter(mailbox).deliver([make(1)], now=NOW)[0].outcome == "sent"
    mailbox.refuse["jana@example.com"] = "450 mailbox busy"
    assert adapter(mailbox).deliver([make(2)], now=NOW)[0].outcome == "delayed"
    assert adapter(mailbox).deliver([make(3, attempts=4)], now=NOW)[0].outcome == "failed"
    assert len(mailbox.arrived) == 1


@pytest.mark.loopback
def test_a_connection_that_breaks_after_the_data_is_unknown_and_not_repeated(mailbox: Mailbox, make: Any) -> None:
    mailbox.data_answers = ["hang up"]
    first, second = adapter(mailbox).deliver([make(1), make(2)], now=NOW)
    assert first.outcome == "unknown"
    assert second.outcome == "sent"
    assert [message["Message-ID"] for message in mailbox.messages()] == ["<s0001@example.test>", "<s0002@example.test>"]


@pytest.mark.loopback
def test_content_refused_for_good_is_a_failure(mailbox: Mailbox, make: Any) -> None:
    mailbox.data_answers = ["554 looks like spam"]
    assert adapter(mailbox).deliver([make(1)], now=NOW)[0].outcome == "failed"


@pytest.mark.loopback
def test_no_server_means_later_not_lost(make: Any) -> None:
    box = Mailbox()
    controller = serve(box)
    controller.stop()
    receipt = adapter(box).deliver([make(1)], now=NOW)[0]
    assert receipt.outcome == "delayed"
    assert "cannot be reached" in receipt.reason


@pytest.mark.loopback
@pytest.mark.parametrize(
    "contact", [{}, {"email": "not an address"}, {"email": "a@b.c\r\nRCPT TO:<x@y.z>"}, {"email": "a@b.example,c@d.example"}]
)
def test_an_address_that_is_none_never_reaches_the_server(mailbox: Mailbox, make: Any, contact: dict[str, str]) -> None:
    assert adapter(mailbox).deliver([make(1, contact=contact)], now=NOW)[0].outcome == "failed"
    assert mailbox.connections == 0


@pytest.mark.loopback
def test_starttls_is_used_when_offered_and_the_account_only_over_it(make: Any) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    client = ssl.create_default_context(cafile=str(CERTIFICATE))
    box, seen = Mailbox(), []

    def check(smtp: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append((session.ssl is not None, data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    controller = serve(box, tls_context=server, authenticator=check, auth_required=True)
    try:
        good = adapter(box, user="shop", password="right", context=client)
        assert good.deliver([make(1)], now=NOW)[0].outcome == "sent"
        assert seen == [(True, b"shop", b"right")]
        bad = adapter(box, user="shop", password="wrong", context=client)
        assert bad.deliver([make(2)], now=NOW)[0].outcome == "failed"
        stranger = adapter(box, user="shop", password="right")
        assert stranger.deliver([make(3)], now=NOW)[0].outcome == "delayed"
    finally:
        controller.stop()
    assert len(box.arrived) == 1


@pytest.mark.loopback
def test_a_password_is_not_sent_in_clear(mailbox: Mailbox, make: Any) -> None:
    assert adapter(mailbox, user="shop", password="secret").deliver([make(1)], now=NOW)[0].outcome == "delayed"
    assert adapter(mailbox, tls="required").deliver([make(1)], now=NOW)[0].outcome == "delayed"
    assert not mailbox.arrived


def test_names_cannot_add_headers_or_markup(make: Any) -> None:
    nasty = make(
        1,
        contact={"email": "a@example.com", "first_name": "Bob\r\nBcc: all@example.com", "city": "<script>alert(1)</script>"},
        variant={"subject": "Hi {{first_name}} in {{city}}", "body": "In {{city}} & around: https://example.test/a?b=1&c=2."},
    )
    message = compose(nasty, sender=SENDER, now=NOW)
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    rich = message.get_body(("html",))
    assert rich is not None
    text = rich.get_content()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert '<a href="https://example.test/a?b=1&amp;c=2">' in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parsed = email.message_from_bytes(bytes(message), policy=default)
    assert parsed.defects == []


def test_a_text_that_says_how_to_leave_gets_no_second_footer(make: Any) -> None:
    body = f"Hi\n--\n{SENDER.name}, {SENDER.address}\nUnsubscribe: {SENDER.unsubscribe_url}"
    message = compose(make(1, variant={"body": body}), sender=SENDER, now=NOW)
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().count(SENDER.unsubscribe_url) == 1
    assert plain.get_content().count(SENDER.address) == 1


def test_an_unsubscribe_link_keeps_the_query_it_has() -> None:
    assert unsubscribe_link("https://x.test/u?l=en#top", "a b") == "https://x.test/u?l=en&send_id=a+b#top"


def test_one_click_needs_https() -> None:
    with pytest.raises(ConfigError, match="EMAIL-UNSUBSCRIBE"):
        EmailAdapter(sender=SenderSettings(unsubscribe_url="http://example.test/u"), host="localhost")


def test_too_long_a_message_is_refused_not_cut(make: Any) -> None:
    from liftwright.channels.base import Refused

    with pytest.raises(Refused, match="longer"):
        compose(make(1, variant={"body": "x" * 10_001}), sender=SENDER, now=NOW)
