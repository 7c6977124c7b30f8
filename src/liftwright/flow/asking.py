"""Why someone gets what they get, and what another plan would bring: answered by the stored solution and by solving again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience import identity
from liftwright.domain.errors import DataError, GoalError
from liftwright.domain.plan import Plan
from liftwright.flow import about, approval, fresh, in_force, options, personal, shown, untouchable, walk
from liftwright.flow import graph as graphs
from liftwright.flow.checking import bench_of, current_plan
from liftwright.flow.edits import Edits, parse
from liftwright.flow.nodes import assigned, opened
from liftwright.flow.state import CampaignState
from liftwright.ports import Deps

T = TypeVar("T")
SHOWN_EVENTS = 20


def why(campaign_id: str, person: str, *, deps: Deps) -> dict[str, Any]:
    """One person's options with the terms of their value, what was chosen, what binds and what would change it.

    An id whose record was found to be another's repeat stands for that person. Raises DataError for a person the data does not know.
    """
    plan = current_plan(campaign_id, deps=deps)
    bench = bench_of(plan, deps=deps)
    person = identity.aliases(bench.data.people).get(person, person)
    known = bench.data.people["customer_id"]
    if not pc.is_in(pa.scalar(person), value_set=known.combine_chunks()).as_py():
        raise DataError("PERSON-UNKNOWN", f"There is no person '{person}' in this plan's data.", next_step="Give a customer_id.")
    solution = in_force.decided(plan, deps=deps)
    chosen = _rows(solution.rows, person)
    audience = _rows(deps.lake.get(plan.audience.digest), person)
    if untouchable.planned_out(plan.experiment, {person}):
        audience = [{"arm": "holdout"}]
    left_out = options.left_out(plan, person, bench=bench) if not audience else []
    found = options.of(plan, person, bench=bench, left_out=left_out)
    draws = _rows(solution.draws, person) if solution.draws is not None else []
    shown = chosen or found
    action = f"{shown[0]['channel']}:{shown[0]['offer']}" if shown else None
    told = {
        "person": person,
        "arm": audience[0]["arm"] if audience else "none",
        "chosen": f"{chosen[0]['channel']}:{chosen[0]['offer']}" if chosen else None,
        "touches": [_touch(row) for row in chosen],
        "candidates": found,
        "binding": options.binding(plan),
        "would_change": options.would_change(plan, found, chosen, audience, draws=draws, left_out=left_out),
        "reasons": options.reasons(person, action, bench=bench),
        "scores": personal.scores(person, bench=bench, deps=deps),
        "timeline": _timeline(campaign_id, person, deps),
    }
    return told | about.more(told, plan=plan, bench=bench, left_out=left_out, deps=deps)


def whatif(campaign_id: str, changes: Mapping[str, Any], *, deps: Deps) -> dict[str, Any]:
    """Solve the plan again with something changed, in a fork of its planning thread; the plan itself stays as it is.

    Raises GoalError for a path that cannot be changed, or when there is no plan.
    """
    return finished(_whatif(campaign_id, parse(changes, settings=deps.settings), deps))


async def _whatif(campaign_id: str, edits: Edits, deps: Deps) -> dict[str, Any]:
    plan = current_plan(campaign_id, deps=deps)
    async with graphs.opened(deps) as graph:
        state = cast(CampaignState, (await graph.aget_state(walk.config(campaign_id))).values)
        if "assigned" not in state:
            raise GoalError(
                "WHATIF-EARLY",
                f"{campaign_id} has no solved plan yet.",
                next_step=f"See where it stands with `liftwright show {campaign_id}`.",
            )
        fork = _fork_id(campaign_id, plan, edits)
        after = await _solved_again(state, edits, deps)
        async with walk.held(fork, deps):
            await graph.aupdate_state(walk.config(fork), {**state, **after}, as_node="channel_planner")
    changed = plan.model_copy(update=_changed(after))
    data = {"changed": edits.overrides(), "before": _summary(plan), "after": _summary(changed), "fork": fork}
    return data | ({"infeasible": after["assigned"].infeasible} if after["assigned"].infeasible else {})


async def _solved_again(state: CampaignState, edits: Edits, deps: Deps) -> dict[str, Any]:
    revised = await approval.revised(state, state.get("edits", Edits()).then(edits), deps)
    changed = cast(CampaignState, {**state, **revised})
    if not changed["eligible"].count:
        raise GoalError("WHATIF-NOBODY", "Nobody would be left who may be contacted.", next_step="Exclude fewer people.")
    bench = await opened(state, deps)
    return {**revised, **await asyncio.to_thread(assigned, changed, state["chosen"], bench)}


def _changed(after: Mapping[str, Any]) -> dict[str, Any]:
    found = after["assigned"]
    return {"assignment": found.assignment, "forecast": found.forecast, "audience": found.audience}


def _summary(plan: Plan) -> dict[str, Any]:
    """The fields of `assignment` and of `forecast`, side by side and under their own names."""
    assignment, forecast = shown.assignment_json(plan), shown.forecast_json(plan)
    people = {"selected": plan.audience.selected, "eligible": plan.audience.eligible, "holdout": plan.audience.holdout}
    return {**assignment, **forecast, "audience": people, "assignment": assignment, "forecast": forecast}


def _fork_id(campaign_id: str, plan: Plan, edits: Edits) -> str:
    text = json.dumps([plan.plan_hash, edits.overrides()], sort_keys=True)
    return f"{campaign_id}:whatif:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _rows(table: pa.Table, person: str) -> list[dict[str, Any]]:
    mine = table.filter(pc.equal(table["customer_id"], person))
    return list(mine.sort_by([("value", "descending")]).to_pylist()) if "value" in mine.column_names else list(mine.to_pylist())


def _touch(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("wave", "channel", "offer", "variant", "hour", "value", "cost", "randomised", "propensity")
    return {"send_on": row["send_on"].isoformat(), **{name: row.get(name) for name in names}}


def _timeline(campaign_id: str, person: str, deps: Deps) -> list[dict[str, Any]]:
    """What happened with this person until now: the last events of the newest data, and every send of this campaign, by time."""
    needed = ("customer_id", "channel", "offer", "state", "reason", "sent_at", "send_at")
    sends = deps.ledger.sends(campaign_id, columns=needed)
    lines = [
        {
            "at": (row["sent_at"] or row["send_at"]).isoformat(),
            "what": f"{row['channel']}:{row['offer']} {row['state']}",
            "why": row["reason"] or "",
            "kind": row["state"],
        }
        for row in sends.filter(pc.equal(sends["customer_id"], person)).to_pylist()
    ]
    now = fresh.newest(deps)
    events = now.events_of(pa.array([now.present_id(person) or person], pa.string()), until=deps.now())
    if events is not None:
        mine = events.sort_by("occurred_at").to_pylist()
        lines += [
            {"at": row["occurred_at"].isoformat(), "what": row["type"], "why": "", "kind": "event"}
            for row in mine[-SHOWN_EVENTS:]
        ]
    return sorted(lines, key=lambda line: str(line["at"]))


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, also where an event loop already runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
