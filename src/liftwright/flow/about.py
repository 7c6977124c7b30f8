"""One person in one campaign, step by step and in plain words: what was known, what was weighed, what was done, what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import Bench
from liftwright.audience.features import customer_file
from liftwright.domain.plan import Plan
from liftwright.flow import identities
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

LOOKED = "person.looked_at"
"""Journal entry of somebody who looked at one person's data; it names the person by their salted digest only."""
NOT_SENT = ("cancelled", "suppressed", "failed")
REPORTED = ("delivered", "bounced")
"""Events that say how a message fared, and nothing of what the person did."""
MOST_REASONS = 3
ACTION_WORDS = {
    "email": "an e-mail",
    "sms": "a text message",
    "push": "a message on your phone",
    "direct_mail": "a letter",
    "voice": "a call",
}
_ADDRESSES = re.compile(r"\S*@\S*|[+\d][\d ()/.-]{5,}\d")
_WINDOW = re.compile(r"_\d+$")
"""The days that a feature looks back, at the end of its name."""
MOST_BECAUSE = 200
"""Characters of a reason that are kept."""
HELD_OUT = (
    "You got nothing from us in this campaign on purpose: a small group, drawn by lot, hears nothing, "
    "so that we can measure what our messages bring."
)
_OBJECT = "You may object to this at any time."


def looked(person: str, campaign_id: str, *, by: str, because: str = "", deps: Deps) -> None:
    """Journal that somebody looked at a person's data: who, at whom (by digest), in which campaign, and the reason they gave, if any.

    Nothing is taken out of the journal again, so addresses, long numbers and the person's id are left out of the reason.
    """
    detail = {"who": [deps.traces.pseudonym(person)], "campaign": campaign_id}
    if because.strip():
        detail["because"] = _ADDRESSES.sub("…", because.replace(person, "…").strip())[:MOST_BECAUSE]
    deps.journal.append(at=deps.now(), actor=by or "nobody named", action=LOOKED, subject="people", detail=detail)


def more(told: Mapping[str, Any], *, plan: Plan, bench: Bench, left_out: Sequence[str], deps: Deps) -> dict[str, Any]:
    """What `asking.why` adds to its options: attributes, steps, neighbours, a sentence for the customer, records, models, and evidence."""
    return {
        "attributes": _attributes(told["person"], bench),
        "steps": _steps(told, plan, left_out, bench),
        "neighbours": _neighbours(told["person"], deps.lake.get(plan.audience.digest)),
        "sentence": _sentence(told, left_out),
        "records": _records(told["person"], deps),
        "models": [_model(each, deps) for each in plan.pins.models],
        "evidence": _evidence(plan),
    }


def _attributes(person: str, bench: Bench) -> dict[str, list[dict[str, Any]]]:
    """`used`: by the models that ranked this person, with the value they saw; `seen`: computed and not used; `forbidden`: with why, and no value."""
    index = int(np.flatnonzero(bench.data.ids == person)[0])
    features = bench.scored.features if bench.scored.effects.is_tested else bench.data.features
    used = _used(bench)
    rows = [{"name": name, "value": features[name][index].as_py()} for name in features.column_names if name != "customer_id"]
    forbidden = customer_file.unseen(bench.data.people, bench.deps.settings.features.allowed_tags)
    return {
        "used": [row for row in rows if row["name"] in used],
        "seen": [row for row in rows if row["name"] not in used],
        "forbidden": [{"name": name, "why": why} for name, why in forbidden.items() if name != "merged_from"],
    }


def _records(person: str, deps: Deps) -> dict[str, Any] | None:
    """The records that count as this person and what links them (`identities.show`); None for somebody with one record, or none any more."""
    if person not in newest(deps).rows:
        return None
    found = identities.show(person, deps=deps)
    return found if len(found["records"]) > 1 else None


def _model(model_id: str, deps: Deps) -> dict[str, Any]:
    """A model of the plan, and whether it is in use now."""
    name = model_id.partition("@")[0]
    stored = deps.models.load(name)
    return {"name": name, "model_id": model_id, "is_used": stored is not None and stored[0].is_used}


def _used(bench: Bench) -> set[str]:
    """Names of the features that the models in use look at."""
    effects, chance = bench.scored.effects, bench.scored.chance_model
    found = set(chance.model.names) if chance is not None else set()
    if effects.ranked_by:
        found |= set(bench.scored.model(effects.ranked_by).scale.names)
    return found


def _steps(told: Mapping[str, Any], plan: Plan, left_out: Sequence[str], bench: Bench) -> list[dict[str, Any]]:
    """What happened, by time; at the moment of planning: eligible or left out, considered with worth and price, chosen, skipped with the rule, delivered, outcome."""
    planned_at = bench.data.as_of.isoformat()
    found = [_step(planned_at, *_eligibility(told, left_out))]
    for option in told["candidates"]:
        says = f"{_action(option)}: worth {option['value']:.3f}, uses {option['price']:.3f} of scarce limits"
        kind = "considered" if option["allowed"] else "skipped"
        found.append(_step(planned_at, kind, says, rules=option["blocked_by"], evidence="options"))
    for touch in told["touches"]:
        chance = f", chance {touch['propensity']:.1%}" if touch["propensity"] is not None else ""
        how = "drawn by lot" if touch["randomised"] else "the best within the limits"
        found.append(_step(planned_at, "chosen", f"{_action(touch)} for {touch['send_on']}: {how}{chance}", evidence="chosen"))
    found += [_happened(line, bench.data.as_of) for line in told["timeline"]]
    return sorted(found, key=lambda step: datetime.fromisoformat(step["at"]))


def _eligibility(told: Mapping[str, Any], left_out: Sequence[str]) -> tuple[str, str]:
    if told["arm"] == "holdout":
        return "held out", "eligible, and drawn into the holdout before anybody was chosen: nothing is sent on purpose"
    if left_out:
        return "left out", f"not among the people the goal asks for: {', '.join(left_out)}"
    if told["arm"] == "none":
        return "left out", "not in the audience of this campaign"
    return "eligible", f"in the audience, arm {told['arm']}"


def _happened(line: Mapping[str, Any], planned_at: datetime) -> dict[str, Any]:
    """A line of the timeline: a send and its state, or an event; what came after the plan was made is an outcome."""
    at, kind = str(line["at"]), str(line["kind"])
    if kind == "event":
        is_later = datetime.fromisoformat(at) >= planned_at
        word = "reported" if line["what"] in REPORTED else "outcome"
        return _step(at, word if is_later else "before", str(line["what"]), evidence="timeline")
    word = {"sent": "delivered", "unknown": "perhaps delivered", "planned": "waits"}.get(
        kind, "not sent" if kind in NOT_SENT else kind
    )
    return _step(at, word, str(line["what"]), rules=[line["why"]] if line["why"] else [], evidence="timeline")


def _step(at: str, kind: str, says: str, *, rules: Sequence[str] = (), evidence: str = "audience") -> dict[str, Any]:
    return {"at": at, "kind": kind, "says": says, "rules": list(rules), "evidence": evidence}


def _action(row: Mapping[str, Any]) -> str:
    offer = "" if row["offer"] in ("none", None) else f" with {row['offer']}"
    return f"{str(row['channel']).replace('_', ' ')}{offer}, wave {row['wave']}"


def _neighbours(person: str, audience: pa.Table) -> dict[str, str | None]:
    """The people before and after in the audience, by id."""
    ids = audience["customer_id"]
    before = ids.filter(pc.less(ids, person))
    after = ids.filter(pc.greater(ids, person))
    return {"previous": pc.max(before).as_py() if len(before) else None, "next": pc.min(after).as_py() if len(after) else None}


def _sentence(told: Mapping[str, Any], left_out: Sequence[str]) -> str:
    """A plain answer to a customer who asks why, without figures and without anybody else's data."""
    if told["arm"] == "holdout":
        return HELD_OUT
    if not told["chosen"]:
        if left_out:
            return "You got nothing from us in this campaign, because it was meant for other people than you."
        closed = sorted({rule for option in told["candidates"] for rule in option["blocked_by"]})
        because = f" ({', '.join(closed)})" if closed else ""
        return f"You got nothing from us in this campaign: a rule or your own wishes kept us from writing, or it was not worth your time{because}."
    channel = told["chosen"].partition(":")[0]
    what = ACTION_WORDS.get(channel, f"a message by {channel.replace('_', ' ')}")
    features = [each["feature"] for each in told["reasons"] if each["feature"] not in ("average", "history")]
    names = list(dict.fromkeys(_WINDOW.sub("", name).replace("_", " ") for name in features))
    counted = f" What counted most: {', '.join(names[:MOST_REASONS])}." if names else ""
    return f"You got {what} because, by what you bought, looked at and answered before, we expected it to be of use to you.{counted} {_OBJECT}"


def _evidence(plan: Plan) -> list[dict[str, str]]:
    """What the figures of the page stand on, by the name they lead to."""
    pins = plan.pins
    return [
        {"key": "options", "says": "Options the solver saw, a row per person and option", "digest": plan.assignment.candidates},
        {"key": "chosen", "says": "The solved assignment, a row per touch", "digest": plan.assignment.digest},
        {
            "key": "audience",
            "says": "The audience with its arms, fixed before anybody was chosen",
            "digest": plan.audience.digest,
        },
        {
            "key": "scores",
            "says": "Models of this plan, by the digest of their parameters",
            "digest": ", ".join(pins.models) or "none",
        },
        {"key": "attributes", "says": "Snapshot of the data the attributes were computed from", "digest": pins.snapshot},
        {
            "key": "timeline",
            "says": "Sends of the ledger under this plan, and events of the newest data",
            "digest": plan.plan_hash,
        },
    ]
