"""Who is worth a letter: what one is expected to earn against what it costs, tier by tier. No tier is a fixed share of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.money import Money
from liftwright.domain.plan import Postage
from liftwright.planning import treatments
from liftwright.planning.treatments import Economics, Floats

Mask = npt.NDArray[np.bool_]
LETTER = "direct_mail"
TIERS = ("letter", "household", "cheaper channel", "not worth the postage", "not moved")
"""Worth a letter; worth one, but a housemate worth more gets it; worth one, but another channel is worth more; expected to earn
something, but less than postage and fatigue cost, or not surely enough to compete; expected to earn nothing."""
UNPAID = TIERS[3:]


@dataclass(frozen=True)
class Letters:
    """The best single letter of each person in the first wave, major units, one entry per person: `value` = `margin` - `cost` -
    `fatigue`. `possible`: a letter may be sent; `likely`: its effect is sure enough to compete. `other`: the value of the best touch by any
    other channel that competes, at least 0."""

    possible: Mask
    likely: Mask
    margin: Floats
    cost: Floats
    fatigue: Floats
    other: Floats

    @property
    def value(self) -> Floats:
        """What the letter is worth after cost and fatigue; -inf where none may be sent."""
        return np.asarray(np.where(self.possible, self.margin - self.cost - self.fatigue, -np.inf), dtype=np.float64)

    @property
    def rank(self) -> Floats:
        """`value` of the letters that compete, -inf of the others."""
        return np.asarray(np.where(self.likely, self.value, -np.inf), dtype=np.float64)


def weigh(
    *,
    effects: Floats,
    likely: Mask,
    actions: Sequence[str],
    allowed: Mapping[str, Mask],
    economics: Economics,
) -> Letters | None:
    """The best letter and the best other touch per person. `effects` as in `treatments.candidates`, (people, actions), and whether they
    are sure enough to compete; one that is not finite counts as none. None when no action is a letter."""
    people = effects.shape[0]
    best = Letters(np.zeros(people, dtype=bool), np.zeros(people, dtype=bool), *(np.zeros(people) for _ in range(4)))
    found = False
    for column, action in enumerate(actions):
        channel, offer = treatments.action_parts(action)
        if channel not in allowed:
            continue
        found |= channel == LETTER
        may = np.asarray(allowed[channel], dtype=bool) & treatments.keeps_floor(offer, economics=economics)
        effect = np.where(np.isfinite(effects[:, column]), effects[:, column], 0.0)
        worth = treatments.terms(effect, channel=channel, offer=offer, wave=1, economics=economics)
        best = _better(best, worth, may, likely[:, column], is_letter=channel == LETTER)
    return best if found else None


def _better(best: Letters, worth: Mapping[str, Floats], may: Mask, likely: Mask, *, is_letter: bool) -> Letters:
    """The best so far with one more action; what competes is better than what does not."""
    margin, cost, fatigue = worth["term_margin"] + worth["term_incentive"], -worth["term_cost"], -worth["term_fatigue"]
    value = margin - cost - fatigue
    if not is_letter:
        other = np.maximum(best.other, np.where(may & likely, value, 0.0))
        return Letters(best.possible, best.likely, best.margin, best.cost, best.fatigue, other)
    wins = may & np.where(likely == best.likely, value > best.value, likely)
    kept = ((best.margin, margin), (best.cost, cost), (best.fatigue, fatigue))
    margin, cost, fatigue = (np.where(wins, new, old) for old, new in kept)
    return Letters(best.possible | may, np.where(wins, likely, best.likely), margin, cost, fatigue, best.other)


def tiers(letters: Letters, recipients: Mask) -> npt.NDArray[np.object_]:
    """Each person's tier, by cost and value alone. `recipients`: who gets the letter where several share a household."""
    value = letters.rank
    which = np.where(letters.margin > 0, 3, 4)
    which = np.where(value > 0, np.where(letters.other >= value, 2, np.where(recipients, 0, 1)), which)
    return np.asarray(np.array(TIERS, dtype=object)[which], dtype=object)


def table(customer_ids: Sequence[str], letters: Letters, recipients: Mask) -> pa.Table:
    """One row per person who may get a letter, in the order given: customer_id, tier, margin, cost, fatigue, value, other."""
    rows = np.flatnonzero(letters.possible)
    names = ("margin", "cost", "fatigue", "value", "other")
    return pa.table(
        {
            "customer_id": pa.array(np.asarray(customer_ids, dtype=object)[rows], pa.string()),
            "tier": pa.array(tiers(letters, recipients)[rows], pa.string()),
            **{name: pa.array(getattr(letters, name)[rows], pa.float64()) for name in names},
        }
    )


def told(weighed: pa.Table, *, planned: int, currency: str) -> Postage:
    """Counts of a `table`, the postage not spent on letters that do not pay, and both in words. `planned`: letters in the plan."""
    counts = {row["values"]: row["counts"] for row in pc.value_counts(weighed["tier"]).to_pylist()}
    unpaid = weighed.filter(pc.is_in(weighed["tier"], value_set=pa.array(UNPAID)))
    saved = Money.of(float(pc.sum(unpaid["cost"]).as_py() or 0.0), currency)
    loss = Money.of(-float(np.minimum(unpaid["value"].to_numpy(), 0.0).sum()), currency)
    says = (
        f"{unpaid.num_rows:,} of {weighed.num_rows:,} people who may get a letter are not worth the postage: leaving them out saves"
        f" {saved}, and {loss} of expected loss."
    )
    if counts.get(TIERS[1]):
        says += f" {counts[TIERS[1]]:,} more share an address with somebody worth more: one letter is enough."
    if counts.get(TIERS[2]):
        says += f" For {counts[TIERS[2]]:,} a cheaper channel brings more."
    return Postage(
        letters=planned, not_worth=unpaid.num_rows, saved=saved, tiers={tier: counts.get(tier, 0) for tier in TIERS}, says=says
    )
