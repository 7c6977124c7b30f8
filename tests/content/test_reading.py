"""What is measured on a text: opt-out, address, links, hidden characters, length, urgency, quotations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from liftwright.compliance import evaluate, plan_facts
from liftwright.compliance.rules import facts_of
from liftwright.content import reading
from liftwright.content.goods import Goods
from liftwright.content.wording import HouseWords
from liftwright.domain.treatment import Offer, Variant
from liftwright.library import DiskLibrary
from liftwright.settings import SenderSettings

BUNDLE = DiskLibrary().policies()
FOOTER = "Liftwright demo shop, 1 Example Street, Springfield. Unsubscribe: https://example.test/unsubscribe"
SENDER = SenderSettings()
SHOE = Goods("P", "Shoe", "USD", price=Decimal(60), former=Decimal(80), stock=3)


def variant(body: str, *, channel: Any = "email", subject: str = "Hello") -> Variant:
    return Variant(variant_id="v1", channel=channel, subject=subject if channel != "sms" else "", body=body, template="")


def facts(
    body: str, *, channel: Any = "email", subject: str = "Hello", made_by: str = "template", **known: Any
) -> dict[str, Any]:
    told = variant(body, channel=channel, subject=subject).model_copy(update={"made_by": made_by})
    return reading.facts(told, **known)


def rules_of(body: str, *, channel: Any = "email", subject: str = "Hello", country: str | None = "US", **known: Any) -> set[str]:
    measured = facts(body, channel=channel, subject=subject, **known)
    row = plan_facts.content_facts(measured, channel=channel, country=country, send_on=date(2026, 11, 23))
    return {finding.rule for finding in evaluate.content(BUNDLE, [row])}


def test_the_facts_are_the_declared_content_facts() -> None:
    declared = set(facts_of(BUNDLE.facts, "content")) - {"channel", "country", "send_on"}
    assert set(facts("Hello")) == declared


@pytest.mark.parametrize(
    ("body", "changes", "rules"),
    [
        (f"A look at shoes. {FOOTER}", {}, set()),
        ("A look at shoes. Liftwright demo shop, 1 Example Street, Springfield.", {}, {"CANSPAM-MECH", "BULK-UNSUB"}),
        ("A look at shoes. Unsubscribe: https://example.test/unsubscribe", {}, {"CANSPAM-ADDR", "CANSPAM-AD"}),
        ("A look. Acme, 12 Main Street, Springfield. Unsubscribe: https://example.test/unsubscribe", {}, {"CANSPAM-AD"}),
        ("A sale. Acme, 12 Main Street, Springfield. Unsubscribe: https://example.test/unsubscribe", {}, set()),
        (f"Like Borogove's. {FOOTER}", {"house": HouseWords(competitors=("borogove",))}, {"COMPETITORS"}),
        (f"Like borogoves. {FOOTER}", {"house": HouseWords(competitors=("borogove",))}, set()),
        (f"A look. {FOOTER}", {"house": HouseWords(required={"email": ("While stocks last",)})}, {"REQUIRED-WORDS"}),
        (f"A look, while  stocks last. {FOOTER}", {"house": HouseWords(required={"email": ("While stocks last",)})}, set()),
        (f"A look. {FOOTER}", {"house": HouseWords(required={"sms": ("While stocks last",)})}, set()),
        (f"A look. {FOOTER}", {"made_by": " "}, {"MADE-BY"}),
        ("Save 50 percent the easy way. Unsubscribe: https://example.test/unsubscribe", {}, {"CANSPAM-ADDR", "CLAIM-EVIDENCE"}),
        (f"A look at shoes. {FOOTER}", {"subject": "RE: your order"}, {"CANSPAM-SUBJ"}),
        (f"A look at shoes. {FOOTER}", {"subject": "Fwd : your order"}, {"CANSPAM-SUBJ"}),
        (f"The best shoes. {FOOTER}", {}, {"CLAIM-EVIDENCE"}),
        (f"Act now, friends. {FOOTER}", {"house": HouseWords(banned=("act now",))}, {"BANNED-WORDS"}),
        (f"Write to jane@mail.test. {FOOTER}", {}, {"PERSONAL-DATA"}),
        (f"See https://evil.test/x. {FOOTER}", {}, {"LINK-DOMAIN"}),
        (f"He\u200bllo. {FOOTER}", {}, {"HIDDEN-CHARACTERS"}),
        (f'As a customer says: "I love these so much". {FOOTER}', {}, {"ENDORSE", "CLAIM-EVIDENCE"}),
        (f"Only 3 left. {FOOTER}", {"goods": [SHOE]}, set()),
        (f"Only 3 left. {FOOTER}", {"goods": [replace(SHOE, stock=300)]}, {"URGENCY-STOCK", "CLAIM-EVIDENCE"}),
        (f"Was $80. {FOOTER}", {"goods": [SHOE]}, set()),
        (f"Was $80. {FOOTER}", {"goods": [replace(SHOE, former=None)]}, {"PRICE-WAS", "CLAIM-EVIDENCE"}),
    ],
)
def test_an_email_breaks_the_rules_it_breaks_and_no_others(body: str, changes: dict[str, Any], rules: set[str]) -> None:
    assert rules_of(body, **changes) == rules


@pytest.mark.parametrize(
    ("body", "channel", "rules"),
    [
        ("Liftwright demo shop: a look at shoes. Reply STOP to opt out.", "sms", set()),
        ("Liftwright demo shop: a look at shoes.", "sms", {"TCPA-STOP"}),
        ("Liftwright demo shop: we never stop making shoes.", "sms", {"TCPA-STOP", "CLAIM-EVIDENCE"}),
        ("Shoes. " * 25 + "Reply STOP to opt out.", "sms", {"CHANNEL-LENGTH"}),
        ("This is Liftwright demo shop with an AI-generated voice. Say stop to end these calls.", "voice", set()),
        ("This is Liftwright demo shop. Say stop to end these calls.", "voice", {"AI-VOICE"}),
        ("x" * 151, "push", {"CHANNEL-LENGTH"}),
    ],
)
def test_other_channels_have_their_own_rules(body: str, channel: str, rules: set[str]) -> None:
    assert rules_of(body, channel=channel) == rules


def test_canada_wants_the_sender_and_an_unknown_country_wants_what_every_country_wants() -> None:
    text = "A look at shoes. Reply STOP to opt out."
    assert rules_of(text, channel="sms", country="US") == set()
    assert rules_of(text, channel="sms", country="CA") == {"CASL-FORM"}
    assert rules_of(text, channel="sms", country=None) == {"CASL-FORM"}


@pytest.mark.parametrize(
    "character", ["\u200b", "\u202e", "\u2066", "\U000e0041", "\ufeff", "\u00ad", "\u3164", "\x07", "\U000e0100", "\u2028"]
)
def test_characters_nobody_sees_are_found(character: str) -> None:
    assert reading.hidden(f"a{character}b") == [f"U+{ord(character):04X}"]


def test_ordinary_text_has_nothing_hidden() -> None:
    assert reading.hidden("Grüße, 10 €\n\tcafé – “quoted” 你好") == []


@pytest.mark.parametrize(
    ("link", "is_fine"),
    [
        ("https://example.test/a", True),
        ("https://www.example.test/a?b=c", True),
        ("https://example.test.evil.test/", False),
        ("https://evil.test/?u=https://example.test", False),
        ("https://example.test@evil.test/", False),
        ("https://notexample.test/", False),
        ("www.example.test", True),
        ("bit.ly/abc", False),
        ("javascript:alert(1)", False),
        ("data:text/html;base64,AAAA", False),
        ("https://exаmple.test/", False),
    ],
)
def test_links_lead_to_the_senders_domains_only(link: str, is_fine: bool) -> None:
    assert (reading.unknown_links(f"See {link} today", sender=SENDER) == []) is is_fine


def test_sentences_and_abbreviations_are_no_links() -> None:
    assert reading.unknown_links("Nice shoes.New ones, e.g. red. At 4.5 stars.", sender=SENDER) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Call +1 (555) 010-0199 today", ["+1 (555) 010-0199"]),
        ("Call 555-010-01999", ["555-010-01999"]),
        ("Write to Jane.Doe+x@mail.test!", ["Jane.Doe+x@mail.test"]),
        ("From shop@example.test", []),
        ("Until 2026-12-05, 1,000,000 served, $12,345,678.90", []),
    ],
)
def test_addresses_and_numbers_of_people_are_found(text: str, found: list[str]) -> None:
    assert reading.personal_data(text, sender=SENDER) == found


def test_a_text_message_is_measured_as_the_network_measures_it() -> None:
    assert reading.over_length(variant("a" * 160, channel="sms")) == 0
    assert reading.over_length(variant("a" * 161, channel="sms")) == 1
    assert reading.over_length(variant("a" * 159 + "€", channel="sms")) == 1
    assert reading.over_length(variant("a" * 70 + "你", channel="sms")) == 1
    assert reading.over_length(variant("a" * 150 + "{{first_name}}", channel="sms")) == 10


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("Only 3 left!", 3),
        ("Only three pairs left", 3),
        ("12 left in stock", 12),
        ("just 5 remaining", 5),
        ("Turn left at 5", None),
        ("nothing", None),
    ],
)
def test_urgency_names_its_number(text: str, claimed: int | None) -> None:
    assert reading.stock_claimed(text) == claimed


def test_a_quotation_counts_when_a_recorded_review_has_its_words() -> None:
    review = [{"evidence_id": "R1", "kind": "review", "claim": "I love these so much, thank you"}]
    assert facts("They say “I love these so much”.", evidence=review)["quotation_proven"] is True
    spec = [{"evidence_id": "R1", "kind": "spec", "claim": "I love these so much, thank you"}]
    assert facts("They say “I love these so much”.", evidence=spec)["quotation_proven"] is False
    assert facts('A "short" word.')["has_quotation"] is False


def test_an_offer_is_a_fact_of_its_own_text_only() -> None:
    assert facts("Take 10% off.", offers=[Offer(name="save10", discount=0.1)])["claims_unproven"] == 0
    assert facts("Take 20% off.", offers=[Offer(name="save10", discount=0.1)])["claims_unproven"] == 1


@pytest.mark.parametrize(
    "address",
    [
        "5 Plain Road, New York, NY 10001",
        "Suite 210, 77 Best St. West\nAustin TX 78701",
        "Hauptstraße 12, 10115 Berlin",
        "PO Box 9, Leeds LS1 4AP",
    ],
)
def test_the_senders_own_address_is_no_claim_whatever_stands_in_it(address: str) -> None:
    sender = SENDER.model_copy(update={"address": address})
    written = Variant(variant_id="v", channel="email", body=f"News from us.\nYou get this from {address}.", template="t")
    assert reading.facts(written, sender=sender)["claims_unproven"] == 0
    elsewhere = written.model_copy(update={"body": "Now with 10001 new shoes."})
    assert reading.facts(elsewhere, sender=sender)["claims_unproven"] == 1
