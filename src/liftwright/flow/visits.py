"""Choices made for visitors: each logged with its chances, and at night learned from by what the person then brought.

The learner sees what differs from the models' expectation, so it starts from them and corrects them where choices turned out otherwise.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Estimate
from liftwright.flow import decided, reporting
from liftwright.flow.desk import LEARNER, Desk
from liftwright.flow.fresh import Fresh, newest
from liftwright.measurement import anytime, estimate, integrity, queries
from liftwright.measurement import report as reports
from liftwright.planning import bandit_delay, bandit_outcomes, contextual
from liftwright.planning.next_action import NOTHING, Learned, NextAction
from liftwright.ports import Deps
from liftwright.scoring.card import card_of, dated

MODEL = LEARNER
SUBJECT, HELD_BACK, DECIDED = "visitors", "visitors held back", "visitor.decided"
"""Choices that learn, those of the visitors' holdout, which show what would have been, and what the journal calls both."""
LEAST = 200
"""Choices with an outcome before they are learned from; until then the models' best is taken and a share drawn evenly."""
SESSION = timedelta(hours=24)
"""How long what a visitor did counts before it must have come by import."""
KEPT_DAYS = 90
"""Older choices are forgotten."""
LEVEL = 0.95
Floats = npt.NDArray[np.float64]


def log(
    person: str, chosen: NextAction, *, desk: Desk, row: int, arm: str, anyway: float, pins: dict[str, Any], seed: int, deps: Deps
) -> None:
    """Keep one choice until the night takes it to the lake. anyway: margin expected without a contact; arm: see `visitor`."""
    assert desk.sheet is not None
    now = deps.now()
    worth = sum(chosen.terms.get(name, 0.0) for name in ("term_margin", "term_incentive"))
    deps.visits.chose(
        {
            "decision_id": f"{person}:{now.isoformat()}",
            "customer_id": person,
            "subject": SUBJECT if arm == "treated" else HELD_BACK,
            "decided_at": now.isoformat(),
            "eligible": list(chosen.chances),
            "chances": list(chosen.chances.values()),
            "chosen": chosen.action,
            "propensity": chosen.propensity,
            "policy": decided.policy(MODEL),
            "seed": seed,
            "versions": [str(pins["snapshot"]), *pins["models"], str(pins["policies"])],
            "features": desk.sheet.features[row].tolist(),
            "expected": anyway + worth,
        }
    )


def to_lake(*, deps: Deps) -> int:
    """Take the choices kept since the last time to the lake, their digest to the journal, which knows nobody's name; returns how many.

    Killed in between, the next one does it again: a choice that is there twice counts once.
    """
    rows = _waiting(deps)
    if rows.num_rows:
        detail = {"log": deps.lake.put(rows), "choices": rows.num_rows}
        deps.journal.append(at=deps.now(), actor="liftwright", action=DECIDED, subject=SUBJECT, detail=detail)
        deps.visits.in_lake(rows["decision_id"].to_pylist())
    return int(rows.num_rows)


def _waiting(deps: Deps) -> pa.Table:
    """Choices that are not in the lake yet."""
    rows = [{**row, "decided_at": datetime.fromisoformat(row["decided_at"])} for row in deps.visits.choices()]
    return pa.Table.from_pylist(rows, schema=decided.SCHEMA)


def learned(desk: Desk, row: int) -> Learned | None:
    """What the last night learned, for this person; None before, when switched off, or when there are actions it never heard of."""
    assert desk.sheet is not None
    if desk.learner is None or desk.learner[0].state == "off":
        return None
    model = desk.learner[1]["model"]
    actions = tuple(model["actions"])
    if set(actions) != {NOTHING, *desk.sheet.actions}:
        return None
    features = tuple(desk.sheet.features[row].tolist())
    return Learned(sums=contextual.from_parameters(model), actions=actions, features=features, spread=desk.sheet.spread)


def learn(actions: tuple[str, ...], *, deps: Deps) -> dict[str, Any]:
    """Take choices to the lake, forget sessions that are over, learn from the choices of the last KEPT_DAYS and keep the result: `{"choices", "learned", "version"}`.

    actions: those that can be chosen now. A choice's reward is the margin of the orders until the person's next choice or contact,
    within the outcome window, corrected for orders still to come.
    """
    to_lake(deps=deps)
    deps.visits.forget_events(before=deps.now() - SESSION)
    table = choices(deps=deps)
    table = table.filter(pc.equal(table["subject"], SUBJECT))
    names = (NOTHING, *sorted(actions))
    known = np.isin(np.array(table["chosen"].to_pylist(), dtype=str), names)
    table = table.filter(pa.array(known))
    if table.num_rows < LEAST:
        return {"choices": table.num_rows, "learned": False, "version": None}
    sums = _sums(table, names, deps)
    card = card_of(
        MODEL,
        "",
        optimises="margin within the outcome window after a choice made for a visitor, beyond what the models expected",
        data={"choices": table.num_rows},
        quality={"noise": sums.noise},
        breaks_when=("choices are not carried out", "orders of visitors do not come back as events"),
    )
    parameters = {"model": {"actions": list(names), **contextual.as_parameters(sums)}}
    version = deps.models.save(dated(card, at=deps.now()), parameters, now=deps.now())
    return {"choices": table.num_rows, "learned": True, "version": version}


def choices(*, deps: Deps) -> pa.Table:
    """The choices of the last KEPT_DAYS, in order, those that are not in the lake yet included; one that is there twice counts once."""
    since = deps.now() - timedelta(days=KEPT_DAYS)
    entries = [each for each in deps.journal.entries(subject=SUBJECT) if each.action == DECIDED and each.at >= since]
    digests = list(dict.fromkeys(str(each.detail["log"]) for each in entries))
    table = pa.concat_tables(
        [decided.SCHEMA.empty_table(), *(deps.lake.get(deps.lake.present(digest)) for digest in digests), _waiting(deps)]
    )
    first = table.group_by("decision_id", use_threads=False).aggregate([("decision_id", "count")])["decision_id"]
    places = pc.index_in(first, value_set=table["decision_id"].combine_chunks())
    return table.take(places)


def lift(*, deps: Deps) -> dict[str, Any]:
    """What choosing for visitors brought: margin per person within the outcome window after their first choice of the last KEPT_DAYS,
    treated less held back, by assignment: `{"lift", "verdict", "says", "people", "both", "share", "srm_p", "matured_share", "data", ...}`.

    Adjusted for the margin of the KEPT_DAYS before that choice; the interval holds however often one looks. People with choices of both
    arms (the share was changed, two people turned out to be one) count in neither. `data`: digests of the two tables `lift.query` runs over.
    """
    share = deps.settings.experiment.visitor_holdout
    table = choices(deps=deps)
    if not table.num_rows:
        return _judged(_nobody(), srm_p=None, matured=0.0, both=0, share=share, data={})
    fresh = newest(deps)
    people, both = _first_choices(table, fresh)
    before, after, matured = _margins(people, fresh, deps)
    held = np.array(people["arm"].to_pylist()) == "holdout"
    sizes = int((~held).sum()), int(held.sum())
    audience = people.drop_columns(["at"]).append_column("is_selected", pa.array([True] * people.num_rows, pa.bool_()))
    audience = audience.append_column("before", pa.array(before))
    outcomes = pa.table({"customer_id": people["customer_id"], "margin": pa.array(after)})
    found = estimate.difference(
        after[~held],
        after[held],
        metric="margin",
        level=LEVEL,
        covariate=(before[~held], before[held]),
        critical=anytime.critical(1.0, level=LEVEL),
        query=queries.effect("margin", covariate="before"),
    )
    data = {"audience": deps.lake.put(audience), "outcomes": deps.lake.put(outcomes)}
    return _judged(found, srm_p=integrity.sample_ratio(*sizes, share), matured=matured, both=both, share=share, data=data)


def _nobody() -> Estimate:
    return Estimate(metric="margin", level=LEVEL, reason="nobody was chosen for yet")


def _first_choices(table: pa.Table, fresh: Fresh) -> tuple[pa.Table, int]:
    """customer_id, at, arm of each person's first choice, by present id; and how many have choices of both arms and are left out."""
    arms: dict[str, set[str]] = {}
    first: dict[str, datetime] = {}
    columns = (table[name].to_pylist() for name in ("customer_id", "subject", "decided_at"))
    for name, subject, at in zip(*columns, strict=True):
        person = fresh.present_id(name) or name
        arms.setdefault(person, set()).add("holdout" if subject == HELD_BACK else "treated")
        first[person] = min(first.get(person, at), at)
    clear = sorted(person for person, seen in arms.items() if len(seen) == 1)
    moments = pa.array([first[person] for person in clear], pa.timestamp("us", tz="UTC"))
    sides = pa.array([next(iter(arms[person])) for person in clear], pa.string())
    return pa.table({"customer_id": pa.array(clear, pa.string()), "at": moments, "arm": sides}), len(arms) - len(clear)


def _margins(people: pa.Table, fresh: Fresh, deps: Deps) -> tuple[Floats, Floats, float]:
    """Margin of the KEPT_DAYS before each person's first choice, and of the outcome window from it on so far; the share of that window that is over."""
    now_us, rate = int(deps.now().timestamp() * 1e6), deps.settings.margin.rate
    starts = people["at"].cast(pa.int64()).to_numpy() - KEPT_DAYS * 86_400_000_000
    earlier = people.set_column(1, "at", pa.array(starts).cast(pa.timestamp("us", tz="UTC")))
    before = bandit_outcomes.came(earlier, fresh.events, now_us=now_us, window_days=KEPT_DAYS, margin_rate=rate)
    days = reporting.OUTCOME_DAYS
    after = bandit_outcomes.came(people, fresh.events, now_us=now_us, window_days=days, margin_rate=rate)
    return before.margin(), after.margin(), float(np.mean(after.ages)) / days if people.num_rows else 0.0


def _judged(
    found: Estimate, *, srm_p: float | None, matured: float, both: int, share: float, data: dict[str, str]
) -> dict[str, Any]:
    """The estimate with its verdict: invalid, running (nothing is sure yet), win or harm."""
    is_invalid = srm_p is not None and srm_p < integrity.SRM_BOUND
    decided_now = reports.decided(found, conversions=0 if found.reason else estimate.BURN_IN)
    verdict = "invalid" if is_invalid else decided_now or "running"
    return {
        "lift": found.model_dump(mode="json"),
        "verdict": verdict,
        "says": _said(found, verdict, srm_p, share),
        "people": {"treated": found.treated, "holdout": found.holdout},
        "both": both,
        "share": share,
        "srm_p": srm_p,
        "matured_share": matured,
        "window_days": reporting.OUTCOME_DAYS,
        "kept_days": KEPT_DAYS,
        "data": data,
    }


def _said(found: Estimate, verdict: str, srm_p: float | None, share: float) -> str:
    """The verdict in a sentence, by rule."""
    if verdict == "invalid":
        return (
            f"{found.holdout} of {found.treated + found.holdout} people were held back where {share:.0%} should be (p = {srm_p:.1e}), "
            "so this figure must not be used until that is explained; a share that was changed lately does it."
        )
    if found.mid is None:
        return f"What choosing for visitors brings cannot be told yet: {found.reason}."
    ends = f"{found.mid:.4f} of margin per person ({found.low:.4f} to {found.high:.4f})"
    tail = {"win": "choosing surely pays", "harm": "choosing surely costs more than it brings"}
    return f"Choosing for visitors brings {ends}: {tail.get(verdict, 'whether it pays cannot be told yet')}."


def _sums(table: pa.Table, names: tuple[str, ...], deps: Deps) -> contextual.Sums:
    """Features, choices, rewards so far and the share of them that is in."""
    fresh = newest(deps)
    found = bandit_outcomes.came(
        pa.table(
            {
                "customer_id": pa.array([fresh.present_id(i) or i for i in table["customer_id"].to_pylist()], pa.string()),
                "at": table["decided_at"],
            }
        ),
        fresh.events,
        now_us=int(deps.now().timestamp() * 1e6),
        window_days=reporting.OUTCOME_DAYS,
        margin_rate=deps.settings.margin.rate,
    )
    delays = bandit_delay.measured(found.order_delay, found.ages[found.order_send], window_days=reporting.OUTCOME_DAYS)
    chosen = np.array([names.index(name) for name in table["chosen"].to_pylist()], dtype=np.int64)
    return contextual.seen(
        np.array(table["features"].to_pylist(), dtype=np.float64),
        chosen,
        found.margin(),
        actions=len(names),
        exposure=delays.share(found.counted),
        expected=table["expected"].to_numpy(),
    )
