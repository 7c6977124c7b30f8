"""Variants drafted from approved templates; `check` is the check every variant passes, whoever drafted it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liftwright.content import claims as proofs
from liftwright.content.checking import check, sentence, settled
from liftwright.content.template import Template, fill
from liftwright.content.wording import ANYTHING, avoided_words, product_words
from liftwright.domain.goal import Objective
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.domain.treatment import NO_OFFER, ClaimUse, Offer, Variant
from liftwright.settings.sender import SenderSettings

__all__ = ["VARIANTS_PER_ACTION", "check", "draft"]

VARIANTS_PER_ACTION = 2


def draft(
    templates: Sequence[Template],
    *,
    objective: Objective,
    channels: Sequence[Channel],
    offers: Sequence[Offer],
    product: str | None,
    evidence: Any = None,
    documents: Any = None,
    seed: int,
    sender: SenderSettings | None = None,
    banned: Sequence[str] = (),
) -> tuple[Variant, ...]:
    """One or two variants per channel and offer, from approved templates and nothing else; the same arguments give the same variants.

    An offer without a discount is a creative line: where no product is named, its name is what the message is about. A claim
    is the approved wording of evidence valid on every day of the flight. `seed` picks which templates come first; templates
    with banned words, or words that `documents` ask to avoid, are left out, and so is what does not fit the channel.
    """
    sender = sender or SenderSettings()
    avoided = (*banned, *avoided_words(documents))
    found: list[Variant] = []
    for channel in (channel for channel in CHANNELS if channel in channels):
        for offer in sorted(set(offers), key=lambda item: (item.name != NO_OFFER, item.name)):
            purpose = "offer" if offer.discount > 0 else "plain"
            fitting = [template for template in templates if template.channel == channel and template.purpose == purpose]
            turn = seed % len(fitting) if fitting else 0
            about = product or (offer.name if offer.discount == 0 and offer.name != NO_OFFER else None)
            filled = (
                _fit(template, offer, objective=objective, product=about, evidence=evidence, sender=sender, avoided=avoided)
                for template in fitting[turn:] + fitting[:turn]
            )
            found += [variant for variant in filled if variant is not None][:VARIANTS_PER_ACTION]
    return tuple(found)


def _fit(
    template: Template,
    offer: Offer,
    *,
    objective: Objective,
    product: str | None,
    evidence: Any,
    sender: SenderSettings,
    avoided: Sequence[str],
) -> Variant | None:
    """The fullest filling that keeps to every check: product and claim, then without the claim, then without the product."""
    claims = _usable_claims(evidence, objective, product)
    for words, claim in [
        *((product_words(product), claim) for claim in claims),
        (product_words(product), None),
        (ANYTHING, None),
    ]:
        values = settled(offer, ends_on=objective.ends_on, sender=sender) | {
            "product": words,
            "claim": sentence(claim.wordings[0]) if claim is not None and "claim" in template.places else "",
        }
        uses = [ClaimUse(text=values["claim"], evidence_id=claim.evidence_id)] if claim is not None and values["claim"] else []
        if offer.discount > 0:
            uses.append(ClaimUse(text=values["offer_line"], evidence_id=f"offer:{offer.name}"))
        variant = fill(template, values, offer=offer.name, claims=uses)
        findings = check(
            variant,
            templates=[template],
            evidence=evidence,
            offers=[offer],
            banned=avoided,
            product=product,
            ends_on=objective.ends_on,
            sender=sender,
            on=objective.ends_on,
        )
        if not findings:
            return variant
    return None


def _usable_claims(evidence: Any, objective: Objective, product: str | None) -> list[proofs.Evidence]:
    """Evidence that may be stated, valid on the first and the last day; about the product first, then what holds for all."""
    first = {row.evidence_id for row in proofs.evidence_rows(evidence, on=objective.starts_on)}
    rows = [row for row in proofs.evidence_rows(evidence, on=objective.ends_on) if row.evidence_id in first]
    wanted = (
        {word.lower() for word in product_words(product).split()} - {"our", "the", "and", "of", "styles"} if product else set()
    )
    usable: list[tuple[int, str, proofs.Evidence]] = []
    for row in rows:
        if row.kind not in proofs.PROOF_KINDS or not row.wordings:
            continue
        text = f"{row.product_id or ''} {row.wordings[0]}".lower()
        is_close = any(word in text for word in wanted)
        if is_close or row.product_id is None:
            usable.append((0 if is_close else 1, row.evidence_id, row))
    return [row for _, _, row in sorted(usable, key=lambda item: item[:2])][:3]
