"""Signed webhooks to a real HTTP server on this machine, and what each channel puts into them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from liftwright.channels.display import DisplayAdapter
from liftwright.channels.paid_social import PaidSocialAdapter
from liftwright.channels.push import PushAdapter
from liftwright.channels.sms import SmsAdapter, fits
from liftwright.channels.voice import VoiceAdapter
from liftwright.channels.web import WebAdapter
from liftwright.channels.webhook import WebhookAdapter, headers, key_of
from liftwright.domain.errors import ConfigError

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def adapter(kind: type[WebhookAdapter], url: str) -> WebhookAdapter:
    return kind(url=url, secret=SECRET, wait=lambda seconds: None)


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The example published with the Standard Webhooks specification's reference libraries."""
    made = headers(key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at=1614265330)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["Idempotency-Key"] == made["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.loopback
def test_a_receiver_can_verify_what_it_gets(receiver: Any, make: Any) -> None:
    receipt = adapter(SmsAdapter, receiver.url).deliver([make(1, "sms")], now=NOW)[0]
    assert (receipt.outcome, receipt.provider_id) == ("sent", "p1")
    asked, body = receiver.asked[0]
    signed = f"{asked['webhook-id']}.{asked['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(base64.b64decode(SECRET[6:]), signed, hashlib.sha256).digest()).decode()
    assert asked["webhook-signature"] == f"v1,{expected}"
    assert asked["idempotency-key"] == "s0001"
    assert json.loads(body) == {
        "send_id": "s0001",
        "campaign_id": "cmp1",
        "channel": "sms",
        "offer": "save10",
        "to": "+14155550123",
        "text": "Hi Jana",
    }


@pytest.mark.loopback
@pytest.mark.parametrize("first", [(503, {}), (429, {}), (409, {}), None])
def test_what_may_pass_is_tried_again_with_the_same_key(receiver: Any, make: Any, first: Any) -> None:
    receiver.answers = [first]
    assert adapter(WebAdapter, receiver.url).deliver([make(1, "web")], now=NOW)[0].outcome == "sent"
    assert [asked["idempotency-key"] for asked, _ in receiver.asked] == ["s0001", "s0001"]


@pytest.mark.loopback
def test_what_does_not_pass_is_put_off_and_in_the_end_given_up(receiver: Any, make: Any) -> None:
    receiver.answers = [(503, {})] * 3 + [None] * 3 + [(503, {})] * 3 + [None] * 3
    hook = adapter(WebAdapter, receiver.url)
    outcomes = [
        hook.deliver([make(number, "web", attempts=attempts)], now=NOW)[0].outcome for number, attempts in enumerate((0, 0, 4, 4))
    ]
    assert outcomes == ["delayed", "delayed", "failed", "unknown"]
    assert len(receiver.asked) == 12


@pytest.mark.loopback
@pytest.mark.parametrize("answer", [(400, {}), (401, {}), (404, {}), (307, {"Location": "http://127.0.0.1:1/elsewhere"})])
def test_a_refusal_and_a_redirect_are_failures(receiver: Any, make: Any, answer: Any) -> None:
    receiver.answers = [answer]
    receipt = adapter(WebAdapter, receiver.url).deliver([make(1, "web")], now=NOW)[0]
    assert receipt.outcome == "failed"
    assert str(answer[0]) in receipt.reason
    assert len(receiver.asked) == 1


@pytest.mark.loopback
def test_one_bad_send_does_not_stop_the_batch(receiver: Any, make: Any) -> None:
    batch = [make(1, "sms", contact={}), make(2, "sms"), make(2, "sms")]
    outcomes = [receipt.outcome for receipt in adapter(SmsAdapter, receiver.url).deliver(batch, now=NOW)]
    assert outcomes == ["failed", "sent", "sent"]
    assert len(receiver.asked) == 1


def payload(kind: type[WebhookAdapter], delivery: Any) -> dict[str, Any]:
    return adapter(kind, "https://gateway.example.test/hook").payload(delivery)


def test_push_goes_to_a_device(make: Any) -> None:
    sent = payload(PushAdapter, make(1, "push", variant={"call_to_action": "Look"}))
    assert sent == {"token": "device-1", "title": "Hello Jana", "body": "Hi Jana", "button": "Look"}


def test_voice_speaks_the_persons_language_or_english(make: Any) -> None:
    assert payload(VoiceAdapter, make(1, "voice")) == {"to": "+14155550123", "say": "Hi Jana", "language": "en"}


def test_web_is_for_a_known_customer(make: Any) -> None:
    assert payload(WebAdapter, make(7, "web"))["customer_id"] == "C0007"


@pytest.mark.parametrize("kind", [PaidSocialAdapter, DisplayAdapter])
def test_advertising_networks_get_hashes_only(kind: type[WebhookAdapter], make: Any) -> None:
    made = make(1, kind.channel, variant={"subject": "New in", "body": "A look at shoes"})
    sent = payload(kind, made)
    assert sent["member"]["email_sha256"] == hashlib.sha256(b"jana@example.com").hexdigest()
    assert sent["member"]["phone_sha256"] == hashlib.sha256(b"+14155550123").hexdigest()
    shown = json.dumps(sent).lower()
    assert not any(word in shown for word in ("jana", "415", "@"))


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        (SmsAdapter, {"body": "x" * 161}),
        (SmsAdapter, {"body": "ж" * 71}),
        (PushAdapter, {"subject": "x" * 51}),
        (PushAdapter, {"body": "x" * 151}),
        (VoiceAdapter, {"body": "x" * 901}),
        (PaidSocialAdapter, {"subject": "x", "body": "x" * 251}),
        (DisplayAdapter, {"subject": "x", "body": "x" * 91}),
        (DisplayAdapter, {"subject": "Hi {{first_name}}", "body": "x"}),
        (WebAdapter, {"body": "x" * 301}),
    ],
)
def test_what_the_channel_does_not_carry_is_refused_not_cut(
    kind: type[WebhookAdapter], variant: dict[str, str], make: Any
) -> None:
    made = make(1, kind.channel, variant=variant)
    receipt = adapter(kind, "https://gateway.example.test/hook").deliver([made], now=NOW)[0]
    assert receipt.outcome == "failed"


def test_a_long_name_gives_way_to_the_neutral_word(make: Any) -> None:
    made = make(
        1,
        "sms",
        contact={"phone": "+14155550123", "first_name": "Maximiliane"},
        variant={"body": "Hi {{first_name}} " + "x" * 151},
    )
    assert payload(SmsAdapter, made)["text"] == "Hi there " + "x" * 151


def test_text_messages_are_counted_as_the_network_counts_them() -> None:
    assert fits("a" * 160)
    assert not fits("a" * 161)
    assert fits("€" * 80)
    assert not fits("€" * 81)
    assert fits("ж" * 70)
    assert not fits("👟" * 36)


@pytest.mark.parametrize("url", ["http://gateway.example.test/hook", "ftp://x/y", "gateway"])
def test_only_https_leaves_the_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="WEBHOOK-URL"):
        SmsAdapter(url=url, secret=SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_short", "whsec_!!!!", "whsec_" + base64.b64encode(b"x" * 8).decode()])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(ConfigError, match="WEBHOOK-SECRET"):
        SmsAdapter(url="https://x.test", secret=secret)
