"""Telling that an approval waits, over a real mail server and to a real receiver."""

from __future__ import annotations

import base64
import email
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import SMTP, default
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from liftwright import settings as house_settings
from liftwright.channels.notices import MailNotifier, WebhookNotifier, event, mail, notifiers, words
from liftwright.channels.smtp import MailServer
from liftwright.domain.errors import ConfigError
from liftwright.domain.notice import Telling, Told
from post_office import Mailbox, serve

NOW = datetime(2026, 11, 2, 14, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LINK = "https://lw.shop.example/approvals/cmp1"
TELLING = Telling(
    notice_id="n-0123",
    kind="asked",
    at=NOW,
    campaign_id="cmp1",
    approval_id="a-1",
    title="increase margin until 2026-11-16: 30 touches to 15 people, contact cost USD 1.20",
    risk="high",
    trigger="a new plan, revision 1",
    needs=("marketing_lead", "finance"),
    asked_by="mia",
    due_at=NOW + timedelta(hours=72),
    link=LINK,
    to="leo@shop.example",
)


def mailer(box: Mailbox, **options: Any) -> MailNotifier:
    server = MailServer(host="127.0.0.1", port=box.port, timeout=5, **options)
    return MailNotifier(server, sender="lw@shop.example", wait=lambda seconds: None)


def hook(url: str) -> WebhookNotifier:
    return WebhookNotifier(url, secret=SECRET, wait=lambda seconds: None)


def sha256_mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 by the letter of RFC 2104, from nothing but the hash."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


@pytest.mark.loopback
def test_a_mail_says_what_waits_where_to_look_and_that_the_link_decides_nothing(mailbox: Mailbox) -> None:
    assert mailer(mailbox).tell(TELLING, now=NOW) == Told("sent")
    (message,) = mailbox.messages()
    assert (message["To"], message["From"]) == ("leo@shop.example", "Liftwright <lw@shop.example>")
    assert message["Message-ID"] == "<n-0123@shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"].startswith("Waits for your decision (high risk): increase margin")
    text = message.get_content()
    for said in (TELLING.title, "high", "a new plan, revision 1", "marketing_lead, finance", "mia", "2026-11-05 14:00 UTC", LINK):
        assert said in text
    assert "decides nothing" in text
    assert message.get_content_type() == "text/plain"


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("kind", "subject"), [("escalated", "Needs your name too (high risk)"), ("reminder", "Due soon (high risk)")]
)
def test_the_other_kinds_say_what_they_are(mailbox: Mailbox, kind: Any, subject: str) -> None:
    mailer(mailbox).tell(replace(TELLING, kind=kind, role="compliance" if kind == "escalated" else ""), now=NOW)
    (message,) = mailbox.messages()
    assert message["Subject"].startswith(subject)
    assert ("compliance" in message.get_content()) == (kind == "escalated")


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("answers", "told", "arrived"),
    [
        (["451 later", "250 queued"], "sent", 1),
        (["451 later"] * 3, "later", 0),
        (["554 no"], "failed", 0),
        (["hang up"], "unknown", 1),
    ],
)
def test_how_a_mail_server_answers_is_how_it_is_told(mailbox: Mailbox, answers: list[str], told: str, arrived: int) -> None:
    mailbox.data_answers = answers
    found = mailer(mailbox).tell(TELLING, now=NOW)
    assert (found.outcome, len(mailbox.arrived)) == (told, arrived)
    assert (found.reason == "") == (told == "sent")
    assert "leo@" not in found.reason


@pytest.mark.loopback
def test_no_mail_server_means_later() -> None:
    box = Mailbox()
    serve(box).stop()
    assert mailer(box).tell(TELLING, now=NOW).outcome == "later"


@pytest.mark.loopback
def test_a_receiver_checks_the_signature_with_the_hash_alone_and_a_changed_body_fails(receiver: Any) -> None:
    assert hook(receiver.url).tell(TELLING, now=NOW) == Told("sent")
    ((asked, body),) = receiver.asked
    assert asked["webhook-id"] == "n-0123"
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    head = f"{asked['webhook-id']}.{asked['webhook-timestamp']}.".encode()
    assert asked["webhook-signature"] == "v1," + base64.b64encode(sha256_mac(key, head + body)).decode()
    assert asked["webhook-signature"] != "v1," + base64.b64encode(sha256_mac(key, head + body + b" ")).decode()
    assert abs(int(asked["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    data = json.loads(body)
    assert (data["type"], data["timestamp"]) == ("approval.asked", NOW.isoformat())
    assert data["data"] == {
        "approval_id": "a-1",
        "campaign_id": "cmp1",
        "title": TELLING.title,
        "risk": "high",
        "trigger": "a new plan, revision 1",
        "needs": ["marketing_lead", "finance"],
        "asked_by": "mia",
        "due_at": "2026-11-05T14:00:00+00:00",
        "link": LINK,
        "link_only_shows": True,
    }


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("answers", "told", "posts"),
    [
        ([(503, {})], "sent", 2),
        ([(429, {})] * 3, "later", 3),
        ([None] * 3, "unknown", 3),
        ([(400, {})], "failed", 1),
        ([(302, {"Location": "http://127.0.0.1:1/"})], "failed", 1),
    ],
)
def test_how_a_receiver_answers_is_how_it_is_told(receiver: Any, answers: list[Any], told: str, posts: int) -> None:
    receiver.answers = answers
    assert hook(receiver.url).tell(TELLING, now=NOW).outcome == told
    assert len({(asked["webhook-id"], body) for asked, body in receiver.asked}) == 1, "the same thing every time"
    assert len(receiver.asked) == posts


ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")
HOSTILE = (
    "Plan\r\nBcc: all@evil.example\r\n\r\n<h1>Approved</h1><script>alert(1)</script> "
    "https://evil.example/approve?x=1 www.evil.example JaVaScript://x a\u202eb\x00\x07 jana@customer.example"
)


@given(st.text(max_size=500))
@example(HOSTILE)
@example(HOSTILE * 20)
@example("\ud800 lone surrogate")
def test_no_title_adds_a_header_a_second_link_an_address_or_an_unreadable_mail(title: str) -> None:
    telling = replace(TELLING, title=title, trigger=title, asked_by="mia", needs=(title,))
    parsed = email.message_from_bytes(mail(telling, sender="lw@shop.example", now=NOW).as_bytes(policy=SMTP), policy=default)
    names = [name.casefold() for name in parsed.keys()]  # noqa: SIM118 (a mail may have one name twice)
    assert sorted(set(names)) == sorted(names)
    assert "bcc" not in names
    assert parsed.defects == []
    assert parsed["To"] == "leo@shop.example"
    text = parsed.get_content()  # type: ignore[attr-defined]
    assert re.findall(r"\S*://\S*", text) == [LINK]
    assert not ADDRESS.search(text)
    assert len(text.splitlines()) == len(mail(TELLING, sender="lw@shop.example", now=NOW).get_content().splitlines())
    told = json.dumps(event(telling))
    assert told.count("://") == 1
    assert not ADDRESS.search(json.loads(told)["data"]["title"])


@given(st.text(max_size=600), st.integers(min_value=1, max_value=300))
def test_words_are_one_line_of_visible_characters_of_bounded_length(text: str, most: int) -> None:
    found = words(text, most=most)
    assert len(found) <= most
    assert found.isprintable() or not found


def test_the_name_of_a_user_may_be_an_address() -> None:
    telling = replace(TELLING, asked_by="mia@shop.example")
    assert event(telling)["data"]["asked_by"] == "mia@shop.example"


def _settings(**notify: Any) -> Any:
    return house_settings.parse({"notify": {"base_url": "https://lw.shop.example", **notify}})


def test_nobody_tells_out_of_the_box() -> None:
    assert notifiers(house_settings.Settings(), environment={}) == {}


def test_secrets_come_from_the_environment_and_a_missing_one_is_named_by_its_variable() -> None:
    mail_only = {"smtp": "smtp://lw@mail.shop.example", "from_email": "lw@shop.example", "password_env": "MAIL_PASSWORD"}
    hooks = {"webhooks": {"chat": {"url": "https://chat.example/hook", "secret_env": "CHAT_SECRET"}}}
    both = _settings(**mail_only, **hooks)
    found = notifiers(both, environment={"MAIL_PASSWORD": "x", "CHAT_SECRET": SECRET})
    assert set(found) == {("email", ""), ("webhook", "chat")}
    assert [each.is_idempotent for each in found.values()] == [False, True]
    with pytest.raises(ConfigError, match=r"NOTIFY-SECRET.*mail server.*MAIL_PASSWORD"):
        notifiers(both, environment={"CHAT_SECRET": SECRET})
    with pytest.raises(ConfigError, match=r"NOTIFY-SECRET.*webhook chat.*CHAT_SECRET"):
        notifiers(both, environment={"MAIL_PASSWORD": "x", "CHAT_SECRET": ""})
    for bad in ("whsec_short", "not base64!"):
        with pytest.raises(ConfigError, match="WEBHOOK-SECRET") as caught:
            notifiers(_settings(**hooks), environment={"CHAT_SECRET": bad})
        assert bad not in str(caught.value)
