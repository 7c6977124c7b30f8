"""What the sends of a campaign brought so far, and how late orders come in: from the ledger and the newest events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.flow import reporting
from liftwright.flow.fresh import newest
from liftwright.planning import bandit_delay, bandit_outcomes
from liftwright.ports import Deps

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Earned:
    """Delivered sends of one campaign with what came of each; delays: measured on the sends of all campaigns."""

    sends: pa.Table
    margin: Floats
    clicks: Floats
    ages: Floats
    counted: Floats
    order_send: npt.NDArray[np.int64]
    order_margin: Floats
    delays: bandit_delay.Delays

    def orders_of(self, mask: npt.NDArray[np.bool_]) -> Floats:
        """Margin of every order of the sends in the mask."""
        return self.order_margin[mask[self.order_send]]


COLUMNS = (
    *("campaign_id", "send_id", "customer_id", "wave", "channel", "offer", "discount"),
    *("variant_id", "cost", "state", "send_at", "sent_at"),
)
"""What is read of the sends."""


def earned(campaign_id: str, *, deps: Deps) -> Earned:
    """An order belongs to the last contact of any campaign before it, within the outcome window; so does a click."""
    fresh, now = newest(deps), deps.now()
    sends = deps.ledger.sends(states=reporting.REACHED, columns=COLUMNS)
    contacts = pa.table(
        {
            "send_id": sends["send_id"],
            "customer_id": pa.array([fresh.present_id(i) or i for i in sends["customer_id"].to_pylist()], pa.string()),
            "at": pc.coalesce(sends["sent_at"], sends["send_at"]),
        }
    )
    found = bandit_outcomes.came(
        contacts,
        fresh.events,
        now_us=int(now.timestamp() * 1e6),
        window_days=reporting.OUTCOME_DAYS,
        margin_rate=deps.settings.margin.rate,
    )
    delays = bandit_delay.measured(found.order_delay, found.ages[found.order_send], window_days=reporting.OUTCOME_DAYS)
    mine = pc.equal(sends["campaign_id"], campaign_id).to_numpy()
    place = np.cumsum(mine) - 1
    ours = mine[found.order_send]
    return Earned(
        sends=sends.filter(pa.array(mine)),
        margin=found.margin()[mine],
        clicks=found.clicks[mine],
        ages=found.ages[mine],
        counted=found.counted[mine],
        order_send=place[found.order_send[ours]],
        order_margin=found.order_margin[ours],
        delays=delays,
    )
