"""The first choice a campaign made for every person, with its chance and what came of it: what other policies can be judged by.

Later waves may have been planned again on what people did, so only the first wave is a plain choice. The reward is the person's margin over
the flight and its outcome window, less what contacting them cost, by intention to treat: whatever was planned for them counts, delivered or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError
from liftwright.domain.plan import Plan
from liftwright.flow import reporting
from liftwright.flow.fresh import newest
from liftwright.measurement import outcomes
from liftwright.ports import Deps

Floats = npt.NDArray[np.float64]
NOTHING = "control"
"""The action of doing nothing."""


@dataclass(frozen=True)
class Logged:
    """One campaign's first choices. actions: names, doing nothing first; chance: (people, actions) of the policy that decided; chosen:
    places; reward: major units per person; features: (people, 2), what they spent before and what a contact was expected to bring."""

    plan: Plan
    people: tuple[str, ...]
    actions: tuple[str, ...]
    chance: Floats
    chosen: npt.NDArray[np.int64]
    reward: Floats
    features: Floats

    @property
    def propensities(self) -> Floats:
        """The chance of each chosen action."""
        return np.asarray(self.chance[np.arange(len(self.people)), self.chosen])

    def policy(self, candidates: pa.Table) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The chances of another solution's candidates for the same people and actions, and for whom the log can judge all of them.

        A person is left out where the other policy may do what this campaign never had a chance to do for them.
        """
        wave = first_wave(candidates)
        matrix = chances(wave, self.people, self.actions)
        foreign = ~np.isin(_actions(wave), self.actions)
        outside = np.zeros(len(self.people), dtype=bool)
        places = pc.index_in(wave["customer_id"], value_set=pa.array(self.people, pa.string()))
        known = pc.fill_null(places, -1).to_numpy()
        outside[known[(known >= 0) & foreign & (wave["propensity"].to_numpy() > 0)]] = True
        return matrix, ~outside & ~((matrix > 0) & (self.chance <= 0)).any(axis=1)


def of(campaign_id: str, *, deps: Deps) -> Logged:
    """Read a campaign's log. Raises GoalError when it never ran, DataError while outcomes may still come in or where no chances were logged."""
    row, plan = reporting.launched(campaign_id, deps)
    starts_at, ends_at = reporting.flight(plan, row, deps)
    if deps.now() < ends_at and deps.campaigns.get(campaign_id).status == "running":
        raise DataError("PROVE-RUNNING", f"{campaign_id} still runs.", next_step="Judge other policies by it once it is over.")
    table = deps.lake.get(plan.assignment.candidates)
    if "propensity" not in table.column_names or not table.num_rows:
        raise DataError(
            "PROVE-PROPENSITIES",
            f"{campaign_id} did not log the chance of what it chose, so no other policy can be judged by it.",
            next_step="Judge it by a campaign that was planned since chances are logged.",
        )
    wave = first_wave(table)
    people = tuple(sorted(wave["customer_id"].unique().to_pylist()))
    actions = (NOTHING, *sorted(set(_actions(wave).tolist())))
    rows = first_wave(deps.lake.get(plan.assignment.digest), number=int(pc.min(table["wave"]).as_py()))
    chosen = np.zeros(len(people), dtype=np.int64)
    where = pc.index_in(rows["customer_id"], value_set=pa.array(people, pa.string())).to_numpy()
    chosen[where] = np.searchsorted(actions[1:], _actions(rows)) + 1
    until = min(deps.now(), ends_at + timedelta(days=reporting.OUTCOME_DAYS))
    return Logged(
        plan=plan,
        people=people,
        actions=actions,
        chance=chances(wave, people, actions),
        chosen=chosen,
        reward=_rewards(plan, people, starts_at, until, deps),
        features=_features(plan, wave, people, deps),
    )


def first_wave(table: pa.Table, *, number: int | None = None) -> pa.Table:
    """The rows of the first wave (or of wave `number`)."""
    first = number if number is not None or not table.num_rows else int(pc.min(table["wave"]).as_py())
    return table.filter(pc.equal(table["wave"], first)) if first is not None else table


def chances(wave: pa.Table, people: tuple[str, ...], actions: tuple[str, ...]) -> Floats:
    """(people, actions) from one wave's candidates; what is missing to 1 is the chance of doing nothing. Foreign people and actions are left out."""
    found = np.zeros((len(people), len(actions)))
    places = pc.fill_null(pc.index_in(wave["customer_id"], value_set=pa.array(people, pa.string())), -1).to_numpy()
    names = _actions(wave)
    known = (places >= 0) & np.isin(names, actions)
    columns = np.searchsorted(actions[1:], names[known]) + 1
    np.add.at(found, (places[known], columns), wave["propensity"].to_numpy()[known])
    found[:, 0] = np.clip(1.0 - found[:, 1:].sum(axis=1), 0.0, 1.0)
    found[found < 1e-9] = 0.0
    return found


def _actions(rows: pa.Table) -> npt.NDArray[np.str_]:
    return np.array([f"{c}:{o}" for c, o in zip(rows["channel"].to_pylist(), rows["offer"].to_pylist(), strict=True)], dtype=str)


def holdout(plan: Plan, *, deps: Deps) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """The people who were held out, and who of them bought within the outcome window from the start of the flight."""
    row, _ = reporting.launched(plan.campaign_id, deps)
    starts_at = reporting.flight(plan, row, deps)[0]
    audience = deps.lake.get(plan.audience.digest)
    people = audience.filter(pc.equal(audience["arm"], "holdout"))["customer_id"].to_pylist()
    found = _outcomes(people, starts_at, starts_at + timedelta(days=reporting.OUTCOME_DAYS), None, deps)
    return people, np.asarray(found["orders"].to_numpy() > 0)


def _rewards(plan: Plan, people: tuple[str, ...], starts_at: datetime, until: datetime, deps: Deps) -> Floats:
    """Margin less contact costs per person."""
    sends = deps.ledger.sends(plan.campaign_id, states=reporting.REACHED, columns=("customer_id", "cost"))
    return np.asarray(_outcomes(people, starts_at, until, sends, deps)["margin"].to_numpy())


def _outcomes(people: Sequence[str], starts_at: datetime, until: datetime, sends: pa.Table | None, deps: Deps) -> pa.Table:
    """Outcomes in the order of `people`, looked up under their present ids; the costs of `sends` are taken off the margin."""
    fresh = newest(deps)
    present = [fresh.present_id(person) or person for person in people]
    everybody = sorted(set(present))
    costs = None
    if sends is not None:
        reached = [fresh.present_id(person) or person for person in sends["customer_id"].to_pylist()]
        costs = pa.table({"customer_id": pa.array(reached, pa.string()), "cost": sends["cost"]})
    found = outcomes.outcomes(
        fresh.events,
        customer_ids=everybody,
        starts_at=starts_at,
        ends_at=until,
        margin_rate=deps.settings.margin.rate,
        costs=costs,
    )
    return found.take(pc.index_in(pa.array(present, pa.string()), value_set=pa.array(everybody, pa.string())))


def _features(plan: Plan, wave: pa.Table, people: tuple[str, ...], deps: Deps) -> Floats:
    """What each person spent before and the best value expected of a contact; standardised."""
    audience = deps.lake.get(plan.audience.digest)
    before = dict(zip(audience["customer_id"].to_pylist(), audience["prior_value"].to_pylist(), strict=True))
    best = wave.group_by("customer_id").aggregate([("value", "max")])
    expected = dict(zip(best["customer_id"].to_pylist(), best["value_max"].to_pylist(), strict=True))
    raw = np.array([[before.get(person) or 0.0, expected[person]] for person in people], dtype=np.float64)
    return np.asarray((raw - raw.mean(axis=0)) / np.maximum(raw.std(axis=0), 1e-9))
