"""Texts of a run: drafted from approved templates, checked by content rules with the facts of this run's data."""

from __future__ import annotations

from collections.abc import Sequence

from liftwright.agents.bench.data import Data
from liftwright.compliance import evaluate, plan_facts
from liftwright.content import checking, reading, template, variants
from liftwright.content.goods import goods_from
from liftwright.content.wording import HouseWords
from liftwright.domain.goal import Objective
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Variant


def draft(data: Data, objective: Objective, *, channels: Sequence[str], offers: Sequence[str]) -> tuple[Variant, ...]:
    """One or two texts per channel and offer, claims only from evidence."""
    return variants.draft(
        _templates(data),
        objective=objective,
        channels=[channel for channel in data.channels if channel in channels],
        offers=[offer for offer in data.offers if offer.name in offers],
        product=objective.product,
        evidence=data.evidence,
        documents=data.tables.get("documents"),
        seed=data.seed,
        sender=data.deps.settings.sender,
        banned=_house(data).banned,
    )


def check(data: Data, variant: Variant, *, objective: Objective) -> tuple[Finding, ...]:
    """What claim checks and content rules find in one text for the flight of an objective."""
    sender = data.deps.settings.sender
    there = [data.tables[name].to_pylist() if name in data.tables else [] for name in ("products", "prices")]
    sold = goods_from(*there, currency=data.deps.settings.currency, on=objective.starts_on)
    found = checking.check(
        variant,
        templates=_templates(data),
        evidence=data.evidence,
        offers=data.offers,
        banned=_house(data).banned,
        product=objective.product,
        ends_on=objective.ends_on,
        goods=sold,
        sender=sender,
        documents=data.tables.get("documents"),
        on=objective.ends_on,
    )
    measured = reading.facts(
        variant,
        evidence=data.evidence,
        offers=data.offers,
        goods=sold,
        house=_house(data),
        sender=sender,
        dates=[objective.ends_on],
        texts=[sender.name, *checking.stated(data.evidence, on=objective.ends_on)],
        on=objective.ends_on,
    )
    facts = plan_facts.content_facts(measured, variant=variant, country=data.deps.settings.country, send_on=objective.starts_on)
    already = {finding.rule for finding in found}
    return (*found, *(f for f in evaluate.content(data.bundle, [facts]) if f.rule not in already))


def _templates(data: Data) -> tuple[template.Template, ...]:
    return template.load(data.deps.library.templates())


def _house(data: Data) -> HouseWords:
    return HouseWords.of(data.deps.library.templates())
