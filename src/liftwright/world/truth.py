"""What actions were really worth. Nobody in the house but tests, the demo's last line and outcome evals may ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError
from liftwright.world import reaction
from liftwright.world.life import realised_margin
from liftwright.world.people import day_number
from liftwright.world.policies import options
from liftwright.world.reaction import Touches

if TYPE_CHECKING:
    from liftwright.world.market import Market


@dataclass(frozen=True)
class Worth:
    """What actions were really worth, major units. `incremental_margin` = extra margin less contact cost, free of noise;
    `realised` the same difference in the one life that happened; `margin` the expected margin without any action."""

    incremental_margin: float
    realised: float
    contact_cost: float
    margin: float
    opt_outs: float
    touches: int


def worth(market: Market, actions: pa.Table, *, starts_on: date, ends_on: date, tail_days: int | None = None) -> Worth:
    """The truth about actions sent from `starts_on` to `ends_on`: against sending nothing, same people, same luck.

    `actions` has the columns of the action file. Margin counts from `starts_on` until `tail_days` after `ends_on` (default:
    until every touch has worked itself out); actions that went out late lengthen the flight. Raises DataError when one is from before it.
    """
    first, last = day_number(starts_on), day_number(ends_on)
    by_day = {number: sends.touches for number, sends in market.sends_of(actions).items()}
    if any(number < first for number in by_day):
        raise DataError("WORLD-FLIGHT", f"Some actions are from before {starts_on}.", next_step="Price a flight's own actions.")
    last = max([last, *by_day]) + (market.parameters.delay_days if tail_days is None else tail_days)
    state, people = market.state_on(starts_on), market.people
    common: dict[str, Any] = {"first": first, "last": last, "parameters": market.parameters}
    treated, leaving = reaction.expected_margin(state, people, by_day, **common)
    alone, _ = reaction.expected_margin(state, people, {}, **common)
    lives = [realised_margin(state, people, days, seed=market.seed, **common) for days in (by_day, {})]
    cost = contact_cost(market, actions)
    return Worth(
        incremental_margin=float(treated.sum() - alone.sum()) - cost,
        realised=lives[0] - lives[1] - cost,
        contact_cost=cost,
        margin=float(alone.sum()),
        opt_outs=float(leaving.sum()),
        touches=actions.num_rows,
    )


def contact_cost(market: Market, actions: pa.Table) -> float:
    """What sending these actions costs, major units; a channel the market does not have costs nothing and does nothing."""
    costs = {name: float(traits.unit_cost) for name, traits in market.parameters.channels.items()}
    counted = pc.value_counts(actions["channel"]).to_pylist()
    return float(sum(costs.get(row["values"], 0.0) * row["counts"] for row in counted))


def first_touch(market: Market, on: date, *, days: int = 14, hour: float | None = None) -> pa.Table:
    """True extra margin in `days` of one touch on that day, before contact cost: customer_id and one column per action
    ("email:none", ...). `hour` is the local hour of sending; None means each person's own best."""
    people, p, choices = market.people, market.parameters, options(market.parameters)
    state, first, everyone = market.state_on(on), day_number(on), np.arange(market.people.count)
    hours = people.hour if hour is None else np.full(people.count, hour)
    alone, _ = reaction.expected_margin(state, people, {}, first=first, last=first + days - 1, parameters=p)
    columns: dict[str, Any] = {"customer_id": pa.array(people.ids, type=pa.string())}
    for channel, discount, offer in zip(choices.channel, choices.discount, choices.offer, strict=True):
        touches = Touches(everyone, np.full(people.count, channel), np.full(people.count, discount), hours)
        margin, _ = reaction.expected_margin(state, people, {first: touches}, first=first, last=first + days - 1, parameters=p)
        columns[f"{choices.channels[channel]}:{offer}"] = margin - alone
    return pa.table(columns)
