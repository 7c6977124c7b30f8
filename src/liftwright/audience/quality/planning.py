"""What is wrong or missing in the data, as findings: what would be decided wrongly because of it and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.policy import Finding
from liftwright.domain.profile import CHANNELS

SILENT_DAYS = 7
OUTCOMES = ("purchase", "visit", "page_view")


def findings(tables: Mapping[str, pa.Table], *, now: datetime) -> tuple[Finding, ...]:
    """Event silence, missing outcomes, no randomised history, missing consent or contact columns, generated ids, stamps in the future."""
    found = [*_events(tables.get("events"), tables.get("treatments"), now=now), *_history(tables.get("treatments"))]
    customers = tables.get("customers")
    if customers is None or not customers.num_rows:
        found.append(_finding("DATA-CUSTOMERS", "block", "customers", "No customers were imported.", "Import a customer file."))
    else:
        found += _customers(customers)
    return tuple(found)


def _finding(rule: str, severity: str, subject: str, says: str, fix: str, *, count: int = 1) -> Finding:
    return Finding(rule=rule, severity=severity, subject=subject, count=count, says=says, fix=fix)


def _events(events: pa.Table | None, treatments: pa.Table | None, *, now: datetime) -> list[Finding]:
    has_outcomes = treatments is not None and any(name.startswith("outcome_") for name in treatments.column_names)
    if events is None or not events.num_rows:
        says = "There are no events, so recency, habits and outcomes after a campaign are unknown."
        return [_finding("DATA-EVENTS", "warn", "events", says, "Import orders and visits as events.")] + (
            [] if has_outcomes else [_no_outcomes()]
        )
    found = []
    last = pc.max(events["occurred_at"]).as_py()
    if last is not None and last < now - timedelta(days=SILENT_DAYS):
        says = f"The last event is of {last:%Y-%m-%d}, {(now - last).days} days ago: outcomes may have stopped coming in."
        found.append(_finding("DATA-SILENCE", "warn", "events", says, "Check the export and import what is missing."))
    late = int(pc.sum(pc.greater(events["occurred_at"], pa.scalar(now, events["occurred_at"].type))).as_py() or 0)
    if late:
        says = f"{late} events are stamped later than now; they are not looked at."
        found.append(_finding("DATA-FUTURE", "warn", "events", says, "Check the clock of the source.", count=late))
    kinds = set(events["type"].unique().to_pylist())
    if not kinds & set(OUTCOMES) and not has_outcomes:
        found.append(_no_outcomes())
    nobody = events["customer_id"].null_count
    if nobody:
        says = f"{nobody} events belong to no known customer."
        found.append(_finding("DATA-ORPHANS", "warn", "events", says, "Export the customer_id with every event.", count=nobody))
    return found


def _no_outcomes() -> Finding:
    says = "No purchase or visit was ever recorded, so nothing a campaign causes can be measured."
    return _finding("DATA-OUTCOMES", "needs_approval", "events", says, "Import orders (type purchase) or visits as events.")


def _history(treatments: pa.Table | None) -> list[Finding]:
    if treatments is None or not treatments.num_rows:
        says = "There is no past randomised test: who is moved by a contact is unknown, only who is likely to buy."
        return [
            _finding("DATA-HISTORY", "warn", "treatments", says, "Keep a holdout in the next campaign; it becomes the history.")
        ]
    found = []
    if not pc.any(pc.equal(treatments["arm"], "control")).as_py():
        says = (
            "The past treatments have no control; an effect can be learned from them only if propensities below one say that those who"
            " are not listed were kept out by chance."
        )
        found.append(_finding("DATA-CONTROL", "warn", "treatments", says, "Import the people who got nothing as arm 'control'."))
    known = treatments["propensity"].null_count if "propensity" in treatments.column_names else treatments.num_rows
    if known == treatments.num_rows:
        says = "The past treatments were not drawn at random, or nobody logged with which chance; nothing is learned from them."
        found.append(_finding("DATA-RANDOMISED", "warn", "treatments", says, "Import a propensity column, or run a test."))
    return found


def _customers(customers: pa.Table) -> list[Finding]:
    found = []
    if not any(f"consent_{channel}" in customers.column_names for channel in CHANNELS):
        says = "No column says who agreed to be contacted; where consent is needed, nobody counts as having given it."
        found.append(_finding("DATA-CONSENT", "needs_approval", "customers", says, "Import consent_<channel> columns."))
    if not {"email", "phone"} & set(customers.column_names):
        says = "Customers have neither e-mail address nor phone; only a system that knows their customer_id can reach them."
        found.append(_finding("DATA-CONTACT", "info", "customers", says, "Use the file_drop channel, or import addresses."))
    made = int(pc.sum(pc.match_substring_regex(customers["customer_id"], r"^row-\d{6,}$")).as_py() or 0)
    if made:
        says = f"{made} customers have ids made from the row of their file; another file cannot be joined to them."
        found.append(_finding("DATA-IDS", "warn", "customers", says, "Export the file with your customer_id.", count=made))
    return found
