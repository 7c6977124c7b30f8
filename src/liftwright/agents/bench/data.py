"""The data of one planning run, pinned to a snapshot and a moment; each part is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience import features as feature_store
from liftwright.audience import identity, segments
from liftwright.audience.features import contracts, customer_file
from liftwright.compliance import evaluate, waivers
from liftwright.compliance import facts as fact_tables
from liftwright.domain.campaign import Snapshot
from liftwright.domain.errors import DataError
from liftwright.domain.evidence import PastTest
from liftwright.domain.policy import Finding, PolicyBundle, Waiver
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.domain.treatment import NO_OFFER, Offer
from liftwright.measurement import outcomes as outcome_tables
from liftwright.ports import Deps
from liftwright.scoring import history

OUTCOME_DAYS = 14
"""The window in which a contact's outcome is counted, days."""
LEAST_MAIL = 1_000
"""With less mail in a week, one complaint would be a rate that says nothing."""


class Data:
    """Tables and what follows from them: people, features, past opportunities, rule facts."""

    def __init__(self, deps: Deps, *, snapshot_id: str, as_of: datetime, seed: int, waived: Sequence[Waiver] = ()) -> None:
        self.deps = deps
        self.waived = tuple(waived)
        self.as_of = as_of
        self.seed = seed
        found = deps.lake.snapshot(snapshot_id)
        if found is None or "customers" not in found.files:
            raise DataError(
                "DATA-NONE", "There are no customers in this workspace.", next_step="Run: liftwright import FILE --as customers."
            )
        self.snapshot: Snapshot = found

    @cached_property
    def imported(self) -> dict[str, pa.Table]:
        """All canonical tables of the snapshot; events stamped after `as_of` are not looked at."""
        tables = dict(self.deps.lake.read(self.snapshot))
        if "events" in tables:
            at = tables["events"]["occurred_at"]
            tables["events"] = tables["events"].filter(pc.less_equal(at, pa.scalar(self.as_of, at.type)))
        return tables

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """The tables with every row under the id its person has now."""
        return identity.resolve(self.imported, self.people, country=self.deps.settings.country)

    @cached_property
    def people(self) -> pa.Table:
        """One row per person after identity resolution, sorted by customer_id."""
        return identity.people(self.imported, country=self.deps.settings.country)

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        """customer_id of every person, in the order of every per-person array here."""
        return np.asarray(self.people["customer_id"].to_pylist(), dtype=object)

    @cached_property
    def households(self) -> npt.NDArray[np.object_]:
        """The household a letter goes to, in the order of `ids`: the person's own id where none is known."""
        return identity.letter_ids(self.people)

    @cached_property
    def features(self) -> pa.Table:
        """Feature values as of the moment of planning, one row per person in the order of `ids`."""
        return self.features_at(self.as_of)

    def features_at(self, moment: datetime) -> pa.Table:
        """Feature values as of any moment, one row per person in the order of `ids`."""
        return feature_store.compute(self.tables, people=self.people, as_of=moment, **self._feature_settings)

    def features_of(self, moments: pa.Table) -> pa.Table:
        """Feature values of `moments` (customer_id, at), each as of its own moment; see `audience.features.compute_at`."""
        return feature_store.compute_at(self.tables, people=self.people, moments=moments, **self._feature_settings)

    @property
    def _feature_settings(self) -> dict[str, Any]:
        settings = self.deps.settings
        return {"margin_rate": settings.margin.rate, "allowed": settings.features.allowed_tags}

    @cached_property
    def contract_findings(self) -> tuple[Finding, ...]:
        """Broken feature contracts, each with the decision it would have spoiled; while there are any, nobody is scored."""
        return contracts.check(self.tables, self.features, as_of=self.as_of)

    @cached_property
    def withheld(self) -> tuple[Finding, ...]:
        """Columns of the customer file that no model sees because of what they say about people."""
        return customer_file.withheld(self.people, self.deps.settings.features.allowed_tags)

    def feature(self, name: str) -> npt.NDArray[np.float64]:
        """One feature as an array; zeros when the data has no such feature."""
        if name not in self.features.column_names:
            return np.zeros(len(self.ids))
        return np.asarray(self.features[name].to_numpy(), dtype=np.float64)

    @cached_property
    def segments(self) -> npt.NDArray[np.object_]:
        """The segment of each person that campaigns are remembered by."""
        return segments.segments(self.feature("recency_days"), self.feature("clicks_180"))

    @cached_property
    def rows(self) -> pa.Table | None:
        """Past randomised opportunities with outcomes and features as of then; None without a randomised history."""
        return history.training_rows(
            self.tables,
            as_of=self.as_of,
            window_days=OUTCOME_DAYS,
            margin_rate=self.deps.settings.margin.rate,
            features_at=self.features_of,
        )

    @cached_property
    def past_tests(self) -> tuple[PastTest, ...]:
        """What past randomised tests showed, action by action."""
        return () if self.rows is None else tuple(history.past_tests(self.rows))

    @cached_property
    def bundle(self) -> PolicyBundle:
        """The rules in force, without those waived."""
        return waivers.without(self.deps.library.policies(), self.waived)

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """No offer, the configured offers, and what a past test knows: its offers with their discount, its creative lines without."""
        configured = [
            Offer(name=name, discount=o.discount, stock=o.stock) for name, o in sorted(self.deps.settings.offers.items())
        ]
        known = {NO_OFFER, *(offer.name for offer in configured)}
        lines = sorted({action.partition(":")[2] for action in self.tested_actions} - known - {""})
        return (
            Offer(name=NO_OFFER),
            *configured,
            *(Offer(name=line, discount=self._past_discounts.get(line, 0.0)) for line in lines),
        )

    @cached_property
    def _past_discounts(self) -> dict[str, float]:
        """Deepest discount that went with each offer of the past."""
        past = self.tables.get("treatments")
        if past is None or not {"offer", "discount"} <= set(past.column_names):
            return {}
        found = past.group_by("offer").aggregate([("discount", "max")]).to_pylist()
        return {str(row["offer"]): float(row["discount_max"]) for row in found if row["offer"] and row["discount_max"]}

    @cached_property
    def tested_actions(self) -> tuple[str, ...]:
        """Actions with randomised evidence, without the control."""
        if self.rows is None:
            return ()
        return tuple(sorted(set(self.rows["action"].unique().to_pylist()) - {"control"}))

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Configured channels that have an adapter."""
        return tuple(channel for channel in CHANNELS if channel in self.deps.channels and channel in self.deps.settings.channels)

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """Every channel:offer that could be chosen. With a randomised history, only what it has tried."""
        if self.tested_actions:
            return tuple(action for action in self.tested_actions if action.partition(":")[0] in self.channels)
        return tuple(f"{channel}:{offer.name}" for channel in self.channels for offer in self.offers)

    @cached_property
    def verdicts(self) -> pa.Table:
        """Per person and channel at the moment of planning: what the rules say (customer_id, channel, outcome, rules)."""
        facts = fact_tables.person_facts(
            self.people,
            channels=self.channels,
            at=self.as_of,
            settings=self.deps.settings,
            contacts=self._contacts,
            events=self.tables.get("events"),
            arms=None,
        )
        return evaluate.people(self.bundle, facts)

    @cached_property
    def _contacts(self) -> pa.Table:
        """What the ledger has of the last 30 days."""
        return self.deps.ledger.contacts_since(self.as_of - timedelta(days=30))

    @cached_property
    def complaint_rate(self) -> float | None:
        """Complaints about e-mail of the last seven days as a share of the mail of those days; None under `LEAST_MAIL` mails."""
        since, events = pa.scalar(self.as_of - timedelta(days=7)), self.tables.get("events")
        mail = self._contacts.filter(pc.equal(self._contacts["channel"], "email")).filter(pc.field("send_at") > since)
        sent = pc.sum(pc.equal(mail["state"], "sent")).as_py() or 0
        if sent < LEAST_MAIL or events is None or not {"type", "channel", "occurred_at"} <= set(events.column_names):
            return None
        lately = (pc.field("occurred_at") > since) & (pc.field("occurred_at") <= pa.scalar(self.as_of))
        told = events.filter((pc.field("type") == "complaint") & (pc.field("channel") == "email") & lately)
        return float(told.num_rows / sent)

    @cached_property
    def allowed(self) -> dict[str, npt.NDArray[np.bool_]]:
        """By channel, who may be contacted in principle (a rule that only delays does not forbid)."""
        order = {customer: index for index, customer in enumerate(self.ids)}
        masks: dict[str, npt.NDArray[np.bool_]] = {channel: np.zeros(len(self.ids), dtype=bool) for channel in self.channels}
        passing = self.verdicts.filter(pc.not_equal(self.verdicts["outcome"], "block"))
        for customer, channel in zip(passing["customer_id"].to_pylist(), passing["channel"].to_pylist(), strict=True):
            masks[channel][order[customer]] = True
        return masks

    @cached_property
    def recent_outcomes(self) -> pa.Table:
        """Outcomes of the last window per person, in the order of `ids`: customer_id, margin, revenue, orders, visits."""
        return outcome_tables.outcomes(
            self.tables.get("events"),
            customer_ids=list(self.ids),
            starts_at=self.as_of - timedelta(days=OUTCOME_DAYS),
            ends_at=self.as_of,
            margin_rate=self.deps.settings.margin.rate,
        )

    @cached_property
    def evidence(self) -> list[dict[str, Any]]:
        """Evidence rows valid at the moment of planning: what claims may stand on."""
        rows = self.tables["evidence"].to_pylist() if "evidence" in self.tables else []
        return [row for row in rows if self._is_valid(row)]

    def _is_valid(self, row: dict[str, Any]) -> bool:
        starts, ends = row.get("valid_from"), row.get("valid_until")
        today = self.as_of.date()
        return not (starts and _day(starts) > today) and not (ends and _day(ends) < today)


def _day(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    return datetime.fromisoformat(value).date() if isinstance(value, str) else value
