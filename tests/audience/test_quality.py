"""Data that would make decisions wrong is found and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from liftwright.audience import quality

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")


def _events(kind: str, days_ago: float, customer: str | None = "A") -> pa.Table:
    return pa.table(
        {
            "customer_id": pa.array([customer], pa.string()),
            "type": [kind],
            "occurred_at": pa.array([NOW - timedelta(days=days_ago)], STAMP),
        }
    )


def _treatments(arms: list[str], propensity: list[float | None]) -> pa.Table:
    return pa.table({"arm": arms, "propensity": pa.array(propensity, pa.float64())})


HEALTHY = {
    "customers": pa.table({"customer_id": ["A"], "email": ["a@x.com"], "consent_email": ["granted"]}),
    "events": _events("purchase", 1),
    "treatments": _treatments(["control", "email:none"], [0.5, 0.5]),
}


def _rules(**changed: pa.Table | None) -> set[str]:
    tables = {name: table for name, table in {**HEALTHY, **changed}.items() if table is not None}
    return {finding.rule for finding in quality.findings(tables, now=NOW)}


def test_healthy_data_has_no_findings() -> None:
    assert _rules() == set()


def test_an_empty_workspace_lacks_everything() -> None:
    assert {f.rule for f in quality.findings({}, now=NOW)} == {"DATA-CUSTOMERS", "DATA-EVENTS", "DATA-HISTORY", "DATA-OUTCOMES"}


def test_silence_is_noticed() -> None:
    assert _rules(events=_events("purchase", 20)) == {"DATA-SILENCE"}


def test_events_without_any_outcome_are_noticed() -> None:
    assert _rules(events=_events("email_open", 1)) == {"DATA-OUTCOMES"}


def test_events_of_nobody_and_of_tomorrow_are_counted() -> None:
    assert _rules(events=_events("purchase", 1, None)) == {"DATA-ORPHANS"}
    assert _rules(events=_events("purchase", -1)) == {"DATA-FUTURE"}


def test_a_history_without_control_or_chance_teaches_nothing_and_says_so() -> None:
    assert _rules(treatments=_treatments(["email:none"], [0.5])) == {"DATA-CONTROL"}
    assert _rules(treatments=_treatments(["control", "email:none"], [None, None])) == {"DATA-RANDOMISED"}
    assert _rules(treatments=None) == {"DATA-HISTORY"}


def test_missing_consent_addresses_and_ids_are_noticed() -> None:
    assert _rules(customers=pa.table({"customer_id": ["row-000001"]})) == {"DATA-CONSENT", "DATA-CONTACT", "DATA-IDS"}


def test_every_finding_says_what_to_do() -> None:
    assert all(finding.fix and finding.says for finding in quality.findings({}, now=NOW))
