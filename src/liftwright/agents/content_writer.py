"""The content writer: objective → variants that fill approved templates and pass the content rules."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from liftwright.agents import allowed, base
from liftwright.agents.proposals import FALLBACK, AgentResult, ContentProposal, note
from liftwright.agents.rendering import as_json
from liftwright.agents.tools import looking, making
from liftwright.agents.tools.aggregates import quoted
from liftwright.domain.goal import Objective
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Variant
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench

AGENT = "content_writer"
_MOST_A_SLOT = 3
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_TEXTS = ("subject", "body", "call_to_action")
Slots = dict[tuple[str, str], list[Variant]]


async def propose(
    objective: Objective, *, bench: Bench, deps: Deps, remarks: Sequence[Finding | str] = ()
) -> AgentResult[ContentProposal]:
    """Variants for every channel and offer that has an approved draft; a model's where they pass, drafts everywhere else."""
    slots = _drafts(objective, bench, remarks)
    step = base.Step(
        agent=AGENT,
        prompt="content_writer",
        values={"merge_tags": "{{first_name}}", "currency": deps.settings.currency},
        task="Write the texts for this objective and submit them.",
        facts={
            "objective": objective.model_dump(mode="json"),
            "remarks": [r if isinstance(r, str) else r.model_dump(mode="json") for r in remarks],
        },
        tools=[
            looking.find_documents(bench),
            making.list_channels(bench, objective),
            making.list_offers(bench, objective),
            making.draft_variants(bench, objective),
            making.check_variant(bench, objective),
            making.policy_check(bench, objective),
        ],
        output=ContentProposal,
        fallback=lambda: ContentProposal(variants=tuple(v for drafts in slots.values() for v in drafts)),
    )
    result = await base.run(step, deps=deps)
    if result.by == FALLBACK:
        return result
    value, findings = _settle(result.value, slots, objective, bench, deps)
    return result.corrected(value, *findings)


def _drafts(objective: Objective, bench: Bench, remarks: Sequence[Finding | str]) -> Slots:
    """Drafts by channel and offer, without those that compliance objected to (unless nothing else is left)."""
    offers = tuple(offer.name for offer in allowed.offers(bench, objective))
    drafts = bench.draft_variants(objective, channels=allowed.channels(bench, objective), offers=offers)
    blocked = {r.subject for r in remarks if isinstance(r, Finding) and r.severity in making.STOPPING}
    slots: Slots = {}
    for draft in [d for d in drafts if d.variant_id not in blocked] or drafts:
        slots.setdefault((draft.channel, draft.offer), []).append(draft)
    return slots


def _settle(
    proposed: ContentProposal, slots: Slots, objective: Objective, bench: Bench, deps: Deps
) -> tuple[ContentProposal, list[Finding]]:
    findings: list[Finding] = []
    written: Slots = {}
    for variant in proposed.variants:
        slot = (variant.channel, variant.offer)
        drafts = slots.get(slot, [])
        if any(_texts(variant) == _texts(draft) for draft in drafts):
            continue
        problem = (
            _problem(variant, drafts, objective, bench, deps) if len(written.get(slot, [])) < _MOST_A_SLOT else "is one too many"
        )
        if problem:
            offer = quoted(variant.offer, limit=40)
            says = f"The language model's text for {variant.channel} with offer '{offer}' {problem}; the approved draft is used."
            findings.append(note("AGENT-TEXT-REPLACED", AGENT, says, subject=f"{variant.channel}:{offer}"))
        elif (named := _named(variant, drafts, deps.settings.model)) not in written.setdefault(slot, []):
            written[slot].append(named)
    return ContentProposal(variants=tuple(v for slot, drafts in slots.items() for v in written.get(slot, drafts))), findings


def _problem(variant: Variant, drafts: Sequence[Variant], objective: Objective, bench: Bench, deps: Deps) -> str:
    """Why a model's variant may not be used, "" when it may."""
    if not drafts:
        return "is for a channel or offer that is not open"
    if variant.template not in {draft.template for draft in drafts}:
        return "fills no approved template"
    text = "\n".join(_texts(variant))
    if any(unicodedata.category(c) in {"Cf", "Cc", "Co"} and c not in "\n\t" for c in text):
        return "holds invisible characters"
    if any(not _is_ours(url, deps.settings.sender.domains) for url in _URL.findall(text)):
        return "links to a foreign address"
    stopping = [finding for finding in bench.check_variant(variant, objective=objective) if finding.severity in making.STOPPING]
    return f"breaks {stopping[0].rule}" if stopping else ""


def _is_ours(url: str, domains: Sequence[str]) -> bool:
    try:
        host = (urlsplit(url.rstrip(".,;)'\"")).hostname or "").lower()
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _texts(variant: Variant) -> tuple[str, ...]:
    return tuple(getattr(variant, name) for name in _TEXTS)


def _named(variant: Variant, drafts: Sequence[Variant], model: str) -> Variant:
    """The variant under an id of its own content, so that the same text always has the same id. Which evidence a claim stands on is
    taken from the drafts, never from a model."""
    digest = hashlib.sha256(as_json([variant.channel, variant.offer, variant.template, *_texts(variant)]).encode()).hexdigest()
    text = "\n".join(_texts(variant))
    claims = tuple(dict.fromkeys(claim for draft in drafts for claim in draft.claims if claim.text in text))
    name = f"{variant.channel}-{variant.offer}-{digest[:8]}"
    return variant.model_copy(update={"variant_id": name, "made_by": model, "claims": claims})
