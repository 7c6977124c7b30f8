"""Drafts from approved templates pass every check; anything changed afterwards is caught."""

from __future__ import annotations

import copy
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.compliance import evaluate, plan_facts
from liftwright.content import reading, template, variants, wording
from liftwright.domain.errors import PolicyError
from liftwright.domain.goal import Objective
from liftwright.domain.profile import CHANNELS
from liftwright.domain.treatment import Offer, Variant
from liftwright.library import DiskLibrary

LIBRARY = DiskLibrary()
DATA = LIBRARY.templates()
TEMPLATES = template.load(DATA)
OBJECTIVE = Objective(metric="revenue", starts_on=date(2026, 11, 23), ends_on=date(2026, 12, 6))
OFFERS = [Offer(name="none"), Offer(name="save10", discount=0.1, stock=50)]
EVIDENCE = [
    {"evidence_id": "E1", "kind": "delivery", "claim": "Orders ship within 24 hours"},
    {
        "evidence_id": "E2",
        "kind": "spec",
        "claim": "Made from 90 % recycled yarn",
        "product_id": "P1",
        "wording": "Running shoes made from 90 % recycled yarn",
    },
    {"evidence_id": "E3", "kind": "review", "claim": "The best shoes I ever had"},
    {"evidence_id": "E4", "kind": "certification", "claim": "Certified organic", "valid_until": date(2026, 11, 30)},
]


def draft(**changes: Any) -> tuple[Variant, ...]:
    given_values: dict[str, Any] = {
        "objective": OBJECTIVE,
        "channels": CHANNELS,
        "offers": OFFERS,
        "product": "running shoes",
        "evidence": EVIDENCE,
        "seed": 7,
        "banned": DATA["banned"],
    }
    return variants.draft(TEMPLATES, **(given_values | changes))


def check(variant: Variant, **changes: Any) -> set[str]:
    given_values: dict[str, Any] = {
        "templates": TEMPLATES,
        "evidence": EVIDENCE,
        "offers": OFFERS,
        "banned": DATA["banned"],
        "product": "running shoes",
        "ends_on": OBJECTIVE.ends_on,
        "on": OBJECTIVE.ends_on,
    }
    return {finding.rule for finding in variants.check(variant, **(given_values | changes))}


def one(channel: str, offer: str = "none") -> Variant:
    return next(variant for variant in draft() if variant.channel == channel and variant.offer == offer)


def test_every_channel_gets_one_or_two_variants_per_offer() -> None:
    found: dict[tuple[str, str], int] = {}
    for variant in draft():
        found[variant.channel, variant.offer] = found.get((variant.channel, variant.offer), 0) + 1
    assert set(found) == {(channel, offer.name) for channel in CHANNELS for offer in OFFERS}
    assert set(found.values()) <= {1, 2}
    assert found["email", "none"] == found["email", "save10"] == 2


def test_drafts_pass_their_checks_and_every_policy_of_every_country() -> None:
    bundle = LIBRARY.policies()
    for variant in draft():
        assert check(variant) == set(), variant
        offer = next(offer for offer in OFFERS if offer.name == variant.offer)
        measured = reading.facts(
            variant, evidence=EVIDENCE, offers=[offer], dates=[OBJECTIVE.ends_on], house=wording.HouseWords(tuple(DATA["banned"]))
        )
        row = plan_facts.content_facts(measured, variant=variant, country=None, send_on=OBJECTIVE.starts_on)
        assert evaluate.content(bundle, [row]) == (), variant


def test_the_same_arguments_give_the_same_variants_and_ids_tell_them_apart() -> None:
    assert draft() == draft()
    ids = [variant.variant_id for variant in draft()]
    assert len(ids) == len(set(ids))
    assert {variant.variant_id for variant in draft(product="hats")}.isdisjoint(ids)
    assert {variant.variant_id for variant in draft(seed=8)} == set(ids)


def test_claims_are_valid_all_through_the_flight_and_never_a_review() -> None:
    used = {use.evidence_id for variant in (*draft(), *draft(product="hats")) for use in variant.claims}
    assert used == {"E1", "E2", "offer:save10"}
    assert "Running shoes made from 90 % recycled yarn." in one("email").body
    assert "ship within 24 hours" in next(v for v in draft(product="hats") if v.channel == "email").body


def test_an_offer_without_a_discount_is_a_creative_line() -> None:
    found = draft(offers=[Offer(name="womens"), Offer(name="mens")], channels=["email"], product=None)
    assert {variant.offer for variant in found} == {"womens", "mens"}
    assert all("women's styles" in variant.body for variant in found if variant.offer == "womens")
    assert all(check(variant, offers=[], product=None) == set() for variant in found)


def test_without_a_product_the_message_is_still_about_something() -> None:
    assert all(
        "our latest picks" in reading.whole(variant) or variant.channel == "display"
        for variant in draft(product=None, evidence=None)
    )


@given(st.text(max_size=70), st.integers(0, 5))
@settings(max_examples=40)
def test_whatever_the_product_is_called_a_draft_passes_its_checks_or_is_not_made(product: str, seed: int) -> None:
    for variant in draft(product=product, channels=["email", "sms", "push"], seed=seed):
        assert check(variant, product=product) == set()
        assert reading.over_length(variant) == 0


def test_words_that_brand_documents_avoid_keep_templates_out() -> None:
    documents = [{"document_id": "D1", "title": "Tone", "text": "# Tone\n- Never say: fresh, bargain\nWe like short words."}]
    assert wording.avoided_words(documents) == ("bargain", "fresh")
    assert all("fresh" not in reading.whole(variant).lower() for variant in draft(documents=documents))
    assert check(one("push"), documents=documents) == {"BANNED-WORDS"}


MUTATIONS = [
    (r"10%", "15%"),
    (r"SAVE10", "SAVE20"),
    (r"December 6", "December 16"),
    (r"December 6", "January 6"),
    (r"90 %", "95 %"),
    (r"90 % recycled", "90 % organic"),
    (r"until December 6\.", "until December 6. Free gift!"),
]


@pytest.mark.parametrize(("old", "new"), MUTATIONS)
def test_every_changed_figure_is_caught_in_every_variant_that_has_it(old: str, new: str) -> None:
    touched = 0
    for variant in draft():
        if re.search(old, variant.body):
            touched += 1
            assert check(variant.model_copy(update={"body": re.sub(old, new, variant.body)})), variant.variant_id
    assert touched >= 1


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda v: v.model_copy(update={"body": v.body + " Hurry!"}), "CONTENT-TEMPLATE"),
        (lambda v: v.model_copy(update={"subject": "Hello"}), "CONTENT-TEMPLATE"),
        (lambda v: v.model_copy(update={"call_to_action": "Click"}), "CONTENT-TEMPLATE"),
        (lambda v: v.model_copy(update={"template": "email-mine"}), "CONTENT-TEMPLATE"),
        (lambda v: v.model_copy(update={"channel": "sms"}), "CONTENT-TEMPLATE"),
        (
            lambda v: v.model_copy(update={"body": v.body.replace("Unsubscribe: https://example.test/unsubscribe", "")}),
            "CONTENT-SENDER",
        ),
        (lambda v: v.model_copy(update={"body": v.body.replace("1 Example Street", "9 Other Road")}), "CONTENT-SENDER"),
        (lambda v: v.model_copy(update={"body": v.body.replace("running shoes", "{product}")}), "CONTENT-PLACE"),
        (lambda v: v.model_copy(update={"body": v.body.replace("{{first_name}}", "{{salary}}")}), "CONTENT-PLACE"),
        (
            lambda v: v.model_copy(update={"body": v.body.replace("https://example.test/\n", "https://evil.test/\n")}),
            "LINK-DOMAIN",
        ),
        (lambda v: v.model_copy(update={"body": v.body.replace("{{first_name}}", "jane@mail.test")}), "PERSONAL-DATA"),
        (
            lambda v: v.model_copy(update={"body": v.body.replace("Hi", "H\u200di").replace("Hello", "H\u200dello")}),
            "HIDDEN-CHARACTERS",
        ),
        (
            lambda v: v.model_copy(
                update={"body": v.body.replace("90 % recycled yarn.", "90 % recycled yarn. You will look younger.")}
            ),
            "CLAIM-EVIDENCE",
        ),
        (lambda v: Variant.model_validate({**v.model_dump(), **_renamed(v, "magic weight loss tea")}), "CONTENT-PRODUCT"),
    ],
)
def test_whatever_is_changed_in_an_approved_text_is_named(change: Any, rule: str) -> None:
    assert rule in check(change(one("email")))


def _renamed(variant: Variant, product: str) -> dict[str, str]:
    return {name: getattr(variant, name).replace("running shoes", product) for name in ("subject", "body", "call_to_action")}


def test_an_offer_template_needs_its_own_offer() -> None:
    variant = one("email", "save10")
    assert check(variant.model_copy(update={"offer": "none"})) >= {"CONTENT-OFFER"}
    assert check(variant, offers=[Offer(name="save10", discount=0.2)]) >= {"CONTENT-OFFER"}
    assert check(variant, ends_on=None) >= {"CONTENT-OFFER"}


def test_a_claim_about_stock_in_a_text_must_be_the_stock() -> None:
    variant = one("sms").model_copy(update={"body": "Liftwright demo shop: only 3 left. Reply STOP to opt out."})
    assert "CLAIM-EVIDENCE" in check(variant)


@pytest.mark.parametrize(
    ("product", "words"),
    [
        ("women's e-mail", "women's styles"),
        ("Womens", "women's styles"),
        ("mens shoes", "men's shoes"),
        ("running shoes", "running shoes"),
        ("our newsletter", "our"),
        ("<b>hats</b>", "b hats /b"),
        (None, "our latest picks"),
        ("  ", "our latest picks"),
    ],
)
def test_products_read_as_words_in_a_sentence(product: str | None, words: str) -> None:
    assert wording.product_words(product) == words


def test_an_offer_is_stated_in_one_plain_sentence() -> None:
    assert (
        wording.offer_line(Offer(name="save10", discount=0.075), ends_on=date(2026, 12, 6))
        == "Take 7.5% off with code SAVE10 until December 6."
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data["templates"][0].update(body="Hello {nobody}"), "nobody"),
        (lambda data: data["templates"][0].update(body="Hello {{salary}}"), "salary"),
        (lambda data: data["templates"][0].update(body="Hello"), "sender_address"),
        (lambda data: data["templates"][0].update(channel="fax"), "channel"),
        (lambda data: data["templates"][0].update(purpose="offer"), "offer_line"),
        (lambda data: data["templates"][0].update(colour="red"), "no other keys"),
        (lambda data: data["templates"][0].pop("body"), "body"),
        (lambda data: data["templates"].append(data["templates"][0]), "same id"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(change: Any, words: str) -> None:
    data = copy.deepcopy(DATA)
    change(data)
    with pytest.raises(PolicyError) as caught:
        template.load(data)
    assert caught.value.code == "CONTENT-TEMPLATE"
    assert words in caught.value.says


def test_a_place_without_a_value_is_refused() -> None:
    with pytest.raises(PolicyError, match="product"):
        template.fill(TEMPLATES[0], {"sender_name": "x"})
