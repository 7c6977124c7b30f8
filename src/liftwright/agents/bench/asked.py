"""The arms on request: people whose option is drawn by lot, and people who get what a simple rule would send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench.arms import Drawn
from liftwright.agents.bench.data import Data
from liftwright.audience import selection
from liftwright.domain.experiment import Experiment, Usual
from liftwright.domain.policy import Finding
from liftwright.measurement import holdout
from liftwright.planning.assignment.solving import Solution

DRAWS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("wave", pa.int64()),
        ("outcomes", pa.int64()),
        ("channel", pa.string()),
        ("offer", pa.string()),
        ("propensity", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Asked:
    """What these arms get. `candidates`: every option that was possible with its probability; `rows`: the touches; `draws`: every
    decision of the lot, those for no contact included; `findings`: why an arm cannot be had as it was asked for."""

    candidates: pa.Table
    rows: pa.Table
    draws: pa.Table
    findings: tuple[Finding, ...] = ()

    def joined(self, solution: Solution) -> Solution:
        """A solved plan of the treated arm with these touches beside it: they count in its value, its bounds and its prices' order."""
        if not self.candidates.num_rows or not solution.rows.num_rows:
            return solution
        worth = float(pc.sum(self.rows["value"]).as_py() or 0.0)
        rows = pa.concat_tables([solution.rows.drop_columns(["priority"]), self.rows], promote_options="default")
        priority = np.empty(rows.num_rows, dtype=np.int64)
        priority[np.argsort(-rows["value"].to_numpy(), kind="stable")] = np.arange(1, rows.num_rows + 1)
        objective, upper = solution.objective + worth, solution.upper_bound + worth
        order = [(name, "ascending") for name in ("customer_id", "wave", "channel", "offer")]
        return replace(
            solution,
            rows=rows.append_column("priority", pa.array(priority, pa.int64())),
            objective=objective,
            upper_bound=upper,
            gap=(upper - objective) / upper if upper > 0 else 0.0,
            undrawn_bound=solution.undrawn_bound + worth,
            candidates=pa.concat_tables([solution.candidates, self.candidates]).sort_by(order),
            draws=pa.concat_tables([solution.draws.cast(DRAWS), self.draws]).sort_by(order[:2]),
        )

    def left_of(self, limits: Mapping[str, Any]) -> dict[str, Any]:
        """The limits without what these touches use, for the treated arm's plan."""
        if not self.rows.num_rows:
            return dict(limits)
        cost, stock, used = _use(self.rows)
        budget = limits.get("budget")
        return {
            **limits,
            "budget": None if budget is None else max(budget - sum(cost.values()), 0.0),
            "channel_budget": _less(limits.get("channel_budget"), cost),
            "channel_capacity": _less(limits.get("channel_capacity"), used),
            "offer_stock": _less(limits.get("offer_stock"), stock),
        }


def touches(
    data: Data, options: pa.Table, drawn: Drawn, experiment: Experiment, *, offered: list[str], limits: Mapping[str, Any]
) -> Asked:
    """The touches of the arms on request, each person one at most, in the first wave.

    options: every touch of that wave these people may get, paying or not (`treatments.candidates`). offered: the actions of the plan.
    A channel with a least run takes no part: a lot cannot promise it.
    """
    least = [channel for channel, count in (limits.get("channel_min_run") or {}).items() if count]
    options = options.filter(pc.invert(pc.is_in(options["channel"], value_set=pa.array(least, pa.string()))))
    lots = _lots(_of(options, drawn.ids[drawn.of("random")]), salt=experiment.salt)
    if experiment.usual is not None:
        usual = _usual(data, options, drawn, experiment.usual, offered)
        lots = Asked(
            candidates=pa.concat_tables([lots.candidates, usual.candidates]),
            rows=pa.concat_tables([lots.rows, usual.rows]),
            draws=lots.draws,
            findings=usual.findings,
        )
    return replace(lots, findings=(*lots.findings, *_beyond(lots.rows, limits)))


def _beyond(rows: pa.Table, limits: Mapping[str, Any]) -> tuple[Finding, ...]:
    """A block for every limit of the campaign that the arms on request alone would break."""
    cost, stock, used = _use(rows)
    found = [("the budget", sum(cost.values()), limits.get("budget"))]
    found += [(f"the budget of {name}", cost.get(name, 0.0), most) for name, most in (limits.get("channel_budget") or {}).items()]
    found += [
        (f"the capacity of {name}", used.get(name, 0), most) for name, most in (limits.get("channel_capacity") or {}).items()
    ]
    found += [(f"the stock of {name}", stock.get(name, 0.0), most) for name, most in (limits.get("offer_stock") or {}).items()]
    return tuple(
        _cannot(what, f"The arms on request would use {use:,.2f} of {what}, which is {most:,.2f}")
        for what, use, most in found
        if most is not None and use > most + 1e-6
    )


def _use(rows: pa.Table) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    """Cost by channel, stock by offer, and the touches of each channel's fullest wave."""
    used: dict[str, int] = {}
    for each in rows.group_by(["channel", "wave"]).aggregate([([], "count_all")]).to_pylist():
        used[each["channel"]] = max(used.get(each["channel"], 0), each["count_all"])
    return _summed(rows, "channel", "cost"), _summed(rows, "offer", "stock_use"), used


def _lots(options: pa.Table, *, salt: str) -> Asked:
    """One option of each person or no contact, all with the same chance, by the hash of the person's id."""
    ids = options["customer_id"].to_numpy(zero_copy_only=False)
    people, first, count = np.unique(ids, return_index=True, return_counts=True)
    numbers = holdout.draws(list(people), salt=f"{salt}:random")
    pick = np.minimum((numbers * (count + 1)).astype(np.int64), count)
    chance = np.repeat(1.0 / (count + 1), count)
    is_none = pick == count
    chosen = (first + pick)[~is_none]
    drawn = np.isin(np.arange(len(ids)), chosen)
    known = _known(options, drawn=drawn, chance=chance)
    got = options.select(["channel", "offer"]).take(pa.array(first + np.where(is_none, 0, pick), pa.int64(), mask=is_none))
    draws = pa.table(
        {
            "customer_id": pa.array(people, pa.string()),
            "wave": options["wave"].take(pa.array(first)),
            "outcomes": pa.array(count + 1, pa.int64()),
            "channel": got["channel"],
            "offer": got["offer"],
            "propensity": pa.array(1.0 / (count + 1)),
        }
    )
    return Asked(candidates=known, rows=known.take(pa.array(chosen, pa.int64())), draws=draws.cast(DRAWS))


def _usual(data: Data, options: pa.Table, drawn: Drawn, rule: Usual, offered: list[str]) -> Asked:
    """What the simple rule sends to its people of the arm."""
    nothing = _known(options.slice(0, 0), drawn=np.zeros(0, dtype=bool), chance=np.zeros(0))
    said = f"{rule.channel}:{rule.offer}"
    if said not in offered:
        why = f"Business as usual sends {said}, which this plan cannot send: the goal, the house or the texts leave it out"
        return Asked(nothing, nothing, DRAWS.empty_table(), (_cannot("usual", why),))
    mine = drawn.of("usual")
    if rule.people:
        mask = selection.match_people(
            rule.people, people=data.people, features=data.features, tables=data.tables, as_of=data.as_of
        )
        if mask is None:
            why = f"Business as usual goes to '{rule.people}', and the data does not say who they are"
            return Asked(nothing, nothing, DRAWS.empty_table(), (_cannot("usual", why),))
        mine = mine & mask[drawn.where]
    sent = _of(options, drawn.ids[mine])
    sent = sent.filter(pc.and_(pc.equal(sent["channel"], rule.channel), pc.equal(sent["offer"], rule.offer)))
    known = _known(sent, drawn=np.zeros(sent.num_rows, dtype=bool), chance=np.ones(sent.num_rows))
    return Asked(candidates=known, rows=known, draws=DRAWS.empty_table())


def _cannot(arm: str, why: str) -> Finding:
    return Finding(
        rule="ARM-IMPOSSIBLE",
        severity="block",
        subject=arm,
        says=f"{why}.",
        fix="Change [experiment] in liftwright.toml, widen the limit, or plan without this arm.",
    )


def _of(options: pa.Table, ids: npt.NDArray[np.object_]) -> pa.Table:
    return options.filter(pc.is_in(options["customer_id"], value_set=pa.array(ids, pa.string())))


def _known(options: pa.Table, *, drawn: npt.NDArray[np.bool_], chance: npt.NDArray[np.float64]) -> pa.Table:
    return options.append_column("randomised", pa.array(drawn)).append_column("propensity", pa.array(chance, pa.float64()))


def _summed(rows: pa.Table, by: str, column: str) -> dict[str, float]:
    found = rows.group_by(by).aggregate([(column, "sum")])
    return dict(zip(found[by].to_pylist(), found[f"{column}_sum"].to_pylist(), strict=True))


def _less(most: Mapping[str, Any] | None, used: Mapping[str, Any]) -> dict[str, Any]:
    return {name: limit if limit is None else max(limit - used.get(name, 0), 0) for name, limit in (most or {}).items()}
