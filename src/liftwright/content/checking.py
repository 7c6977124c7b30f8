"""Checks of one variant, whoever drafted it: its template is approved and untouched, and what it says is so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from liftwright.content import claims as proofs
from liftwright.content import reading
from liftwright.content.goods import Goods
from liftwright.content.template import Template, open_places, read
from liftwright.content.wording import HouseWords, avoided_words, is_about, offer_line, product_words
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import NO_OFFER, Offer, Variant
from liftwright.settings.sender import SenderSettings

_COUNTED = {
    "claims_unproven": (
        "CLAIM-EVIDENCE",
        "says something that can be checked and that nothing on record supports",
        "Use the approved wording of a piece of evidence, or take the sentence out.",
    ),
    "banned_words": ("BANNED-WORDS", "uses wording the house does not use", "Say it plainly."),
    "personal_data": (
        "PERSONAL-DATA",
        "has somebody's e-mail address or phone number in it",
        "Use a merge tag; it is filled at delivery.",
    ),
    "hidden_characters": ("HIDDEN-CHARACTERS", "has characters a reader cannot see", "Type the sentence again."),
    "unknown_links": ("LINK-DOMAIN", "links to an address that is not ours", "Link to one of the sender's domains."),
    "over_length": ("CHANNEL-LENGTH", "is longer than the channel carries", "Shorten it."),
}


def check(
    variant: Variant,
    *,
    templates: Sequence[Template],
    evidence: Any = None,
    offers: Sequence[Offer] = (),
    banned: Sequence[str] = (),
    product: str | None = None,
    ends_on: date | None = None,
    goods: Sequence[Goods] = (),
    sender: SenderSettings | None = None,
    documents: Any = None,
    on: date | None = None,
) -> tuple[Finding, ...]:
    """Deterministic checks of one variant, all severity block: a known template with its fixed text untouched and no open place, every claim
    proven, its own offer stated as it is, and the counted facts of `reading`. Give `ends_on` whenever a text may name the last day.
    """
    sender = sender or SenderSettings()
    template = next((item for item in templates if item.template_id == variant.template), None)
    offer = next((item for item in offers if item.name == variant.offer), Offer(name=variant.offer))
    about = product or (offer.name if offer.name != NO_OFFER and offer.discount == 0 else None)
    measured = reading.facts(
        variant,
        evidence=evidence,
        offers=[offer],
        goods=goods,
        house=HouseWords(banned=(*banned, *avoided_words(documents))),
        sender=sender,
        dates=[ends_on] if ends_on is not None else [],
        texts=_approved(template, product=about),
        on=on,
    )
    fixed = settled(offer, ends_on=ends_on, sender=sender)
    structure = list(_fixed_parts(variant, template, offer, settled=fixed))
    if template is not None and not structure:
        structure = list(_free_parts(variant, template, fixed, product=about, claims=stated(evidence, on=on)))
    return (*structure, *_counted(variant, measured, sender=sender))


def stated(evidence: Any, *, on: date | None) -> set[str]:
    """Approved wordings as whole sentences: what a claim place may say."""
    rows = (row for row in proofs.evidence_rows(evidence, on=on) if row.kind in proofs.PROOF_KINDS)
    return {sentence(text) for row in rows for text in row.wordings}


def settled(offer: Offer, *, ends_on: date | None, sender: SenderSettings) -> dict[str, str]:
    """Places nobody may word freely: the offer with its last day, and who sends. An offer without a known last day can not be stated."""
    return {
        "offer_line": offer_line(offer, ends_on=ends_on) if offer.discount > 0 and ends_on is not None else "\x00",
        "sender_name": sender.name,
        "sender_address": sender.address,
        "unsubscribe_url": sender.unsubscribe_url,
        "shop_url": f"https://{sender.domains[0]}/" if sender.domains else "our shop",
    }


def sentence(text: str) -> str:
    """One line that ends like a sentence."""
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _fixed_parts(variant: Variant, template: Template | None, offer: Offer, *, settled: Mapping[str, str]) -> Iterator[Finding]:
    if template is None or template.channel != variant.channel:
        says = f"'{variant.template}' is not an approved template of {variant.channel}."
        yield _finding("CONTENT-TEMPLATE", variant, says, "Use an approved template.")
        return
    opened = open_places(variant, tags=template.tags)
    if opened:
        says = f"Nobody fills {', '.join(opened)}."
        yield _finding("CONTENT-PLACE", variant, says, "Fill the place, or use a declared merge tag.", count=len(opened))
    if (template.purpose == "offer") != (offer.discount > 0):
        says = f"{template.template_id} does not fit the offer '{offer.name}'."
        yield _finding("CONTENT-OFFER", variant, says, "Use a template of the right purpose.")
    elif read(template, variant, fixed=settled) is None:
        yield _changed(variant, template, settled)


def _free_parts(
    variant: Variant, template: Template, settled: Mapping[str, str], *, product: str | None, claims: set[str]
) -> Iterator[Finding]:
    values = read(template, variant, fixed=settled) or {}
    if "product" in values and not is_about(values["product"], product):
        says = f"The text is about '{values['product'][:60]}', the goal is not."
        yield _finding("CONTENT-PRODUCT", variant, says, "Name the product of the goal.")
    if values.get("claim") and values["claim"] not in claims:
        rule, _, fix = _COUNTED["claims_unproven"]
        yield _finding(rule, variant, f"'{values['claim'][:80]}' is not the approved wording of any evidence.", fix)


def _counted(variant: Variant, measured: Mapping[str, Any], *, sender: SenderSettings) -> Iterator[Finding]:
    for fact, (rule, says, fix) in _COUNTED.items():
        if measured[fact]:
            yield _finding(rule, variant, f"The text {says}{_examples(fact, variant, sender=sender)}.", fix, count=measured[fact])


def _changed(variant: Variant, template: Template, fixed: Mapping[str, str]) -> Finding:
    """The finding for a text that does not read as its template: the settled place that is missing, else the fixed text."""
    missing = [name for name in fixed if f"{{{name}}}" in template.body and fixed[name].strip() not in variant.body]
    if "offer_line" in missing:
        return _finding(
            "CONTENT-OFFER", variant, "The offer is not stated as it is.", "State the offer's own discount, code and last day."
        )
    if missing:
        return _finding(
            "CONTENT-SENDER",
            variant,
            f"The text does not give the configured {', '.join(missing)}.",
            "Take them from the settings.",
        )
    return _finding(
        "CONTENT-TEMPLATE",
        variant,
        f"The fixed text of {template.template_id} was changed.",
        "Change only the places of a template.",
    )


def _approved(template: Template | None, *, product: str | None) -> tuple[str, ...]:
    fixed = (template.subject, *template.body.split("\n"), template.call_to_action) if template is not None else ()
    return (*(line for line in fixed if "{" not in line), product_words(product))


def _examples(fact: str, variant: Variant, *, sender: SenderSettings) -> str:
    text = reading.whole(variant)
    named = {
        "unknown_links": reading.unknown_links(text, sender=sender),
        "hidden_characters": reading.hidden(text),
    }.get(fact, [])
    return f" ({', '.join(named[:3])})" if named else ""


def _finding(rule: str, variant: Variant, says: str, fix: str, *, count: int = 1) -> Finding:
    return Finding(
        rule=rule, severity="block", subject=variant.variant_id, count=count, says=says, fix=fix, source="policies/content"
    )
