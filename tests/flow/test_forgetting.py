"""One person's data handed out and erased: in a running campaign, in files beside, against those who may not, and for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import under_way

import plain_shop
from liftwright.domain.errors import ApprovalError, ConfigError, DataError
from liftwright.flow import adapt, deciding, dispatch, forgetting, intake, replaying, reporting
from liftwright.flow.export import export
from liftwright.ports import Deps


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[under_way.Flight]:
    """A running campaign on the eve of its second wave."""
    yield from under_way.begun(tmp_path)


@pytest.fixture
def somebody(flight: under_way.Flight) -> str:
    """Somebody who got the first e-mail and waits for the second."""
    sent = {row["customer_id"] for row in flight.sends("sent")}
    return min(sent & {row["customer_id"] for row in flight.sends("planned")})


def _erase(person: str, deps: Deps, *, by: str = "cora", reason: str = "asked by letter") -> dict[str, Any]:
    return forgetting.erase(person, by=by, reason=reason, deps=deps)


def _names(person: str, home: Path) -> list[str]:
    """Files of the workspace in which the id, the address or the telephone number of a person stands; `files` are the source's own."""
    number = int(person[1:])
    wanted = [person.encode(), person.lower().encode() + b"@", f"+1212555{number:04d}".encode()]
    found = []
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_relative_to(home / "files"):
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content = json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if any(word in content for word in wanted):
            found.append(str(path.relative_to(home)))
    return found


async def test_what_is_kept_about_somebody_is_handed_out_whole(flight: under_way.Flight, somebody: str) -> None:
    found = forgetting.held(somebody, by="cora", deps=flight.deps)
    assert found["records"] == [somebody]
    assert found["tables"]["customers"][0]["email"] == f"{somebody.lower()}@example.test"
    assert {"events", "treatments", f"campaign {flight.campaign_id}: assignment"} <= set(found["tables"])
    assert {row["state"] for row in found["sends"]} == {"sent", "planned"}
    everything = json.dumps(found, default=str)
    assert "C000600" not in everything  # nobody else's
    (entry,) = flight.deps.journal.entries(subject="people")
    assert entry.action == "person.exported"
    assert somebody not in json.dumps(entry.detail)


async def test_somebody_erased_in_the_middle_of_a_campaign_gets_nothing_more_and_stands_nowhere(
    flight: under_way.Flight, somebody: str
) -> None:
    deps, home = flight.deps, flight.deps.settings.home
    assert "liftwright.db" in {name.split("-")[0] for name in _names(somebody, home)}
    done = _erase(somebody, deps)
    assert min(done["rows"], done["sends"], done["cancelled"], done["outbox"]) >= 1
    assert _names(somebody, home) == []
    flight.clock.at += timedelta(days=14)
    await adapt.tick(flight.campaign_id, deps=deps)
    dispatch.drain(deps=deps, worker="w")
    assert _names(somebody, home) == []
    assert deps.journal.verify()[0]


async def test_the_campaign_goes_on_and_is_measured_without_them(flight: under_way.Flight, somebody: str) -> None:
    before = reporting.report(flight.campaign_id, deps=flight.deps)
    _erase(somebody, flight.deps)
    after = reporting.report(flight.campaign_id, deps=flight.deps)
    assert (before.lift is None) == (after.lift is None)
    assert after.sends["delivered"] == before.sends["delivered"]
    assert export(flight.campaign_id, "audience", deps=flight.deps).num_rows == flight.plan.audience.eligible - 1


async def test_a_waiting_plan_is_launched_without_somebody_erased_meanwhile(tmp_path: Path) -> None:
    with plain_shop.waiting(tmp_path) as (deps, campaign_id):
        plan = plain_shop.plan_of(deps, campaign_id)
        person = deps.lake.get(plan.assignment.digest)["customer_id"].to_pylist()[0]
        _erase(person, deps)
        await deciding.decide("approve", campaign_id, plan_hash=plan.plan_hash, by="ann", deps=deps)
        sends = deps.ledger.sends(campaign_id)
        assert sends.num_rows == deps.lake.get(plan.assignment.digest).num_rows > 0
        assert person not in sends["customer_id"].to_pylist()


def test_a_replay_says_why_it_cannot_be_the_same(flight: under_way.Flight, somebody: str) -> None:
    _erase(somebody, flight.deps)
    found = replaying.replay(flight.campaign_id, deps=flight.deps)
    assert not found["identical"]
    assert found["differences"][0].startswith("1 person was erased since it was planned")


def test_somebody_erased_does_not_come_back_with_the_next_file(flight: under_way.Flight, somebody: str, tmp_path: Path) -> None:
    deps = flight.deps
    _erase(somebody, deps)
    address = f"{somebody.lower()}@example.test"
    rows = f"customer_id,email,first_name\n{somebody},new@example.test,A\nZ1,{address.upper()},B\nZ2,z2@example.test,C\n"
    (tmp_path / "again.csv").write_text(rows)
    found = intake.import_file(tmp_path / "again.csv", declared="customers", deps=deps)
    assert found.tables["customers"] == 1
    assert any(note.startswith("2 rows are about people whose data was erased") for note in found.notes)
    bad = f"customer_id,type,occurred_at\n{somebody},visit,never\nZ2,visit,never\nZ2,visit,2026-11-01T00:00:00Z\n"
    (tmp_path / "events.csv").write_text(bad)
    put_aside = intake.import_file(tmp_path / "events.csv", declared="events", deps=deps)
    assert put_aside.quarantined == 1
    assert _names(somebody, deps.settings.home) == []


def test_rows_put_aside_at_an_import_are_erased_too(flight: under_way.Flight, somebody: str, tmp_path: Path) -> None:
    bad = f"customer_id,type,occurred_at\n{somebody},visit,never\nC000002,visit,2026-11-01T00:00:00Z\n"
    (tmp_path / "events.csv").write_text(bad)
    assert intake.import_file(tmp_path / "events.csv", declared="events", deps=flight.deps).quarantined == 1
    assert _erase(somebody, flight.deps)["quarantine"] == 1


def test_every_record_of_one_person_goes(flight: under_way.Flight, tmp_path: Path) -> None:
    """Somebody who is in the files under two ids is one person, and an address they had once leads to their old events."""
    deps = flight.deps
    (tmp_path / "more.csv").write_text("customer_id,email\nQ1,quinn@example.test\nQ2,Quinn@Example.test\n")
    intake.import_file(tmp_path / "more.csv", declared="customers", deps=deps)
    (tmp_path / "newer.csv").write_text("customer_id,email\nQ1,q@example.test\n")
    intake.import_file(tmp_path / "newer.csv", declared="customers", deps=deps)
    (tmp_path / "events.csv").write_text("customer_id,email,type,occurred_at\n,quinn@example.test,visit,2026-11-01T00:00:00Z\n")
    intake.import_file(tmp_path / "events.csv", declared="events", deps=deps)
    _erase("Q1", deps)
    left = json.dumps([rows for rows in _all_rows(deps) if "quinn" in str(rows).lower() or "Q2" in str(rows)])
    assert left == "[]"


def _all_rows(deps: Deps) -> list[dict[str, Any]]:
    return [row for digest in deps.lake.digests() for row in deps.lake.get(digest).to_pylist()]  # type: ignore[attr-defined]


def test_only_compliance_and_admins_may_and_the_refusal_names_them(flight: under_way.Flight, somebody: str) -> None:
    deps = flight.deps
    for name, role in (("ada", "admin"), ("mia", "marketer"), ("cora", "compliance")):
        deps.users.put(name, roles=[role], is_active=True, by="ada", now=deps.now())
    for refused in (forgetting.held, forgetting.looked_up):
        with pytest.raises(ApprovalError, match="Who could: ada, cora"):
            refused(somebody, by="mia", deps=deps)
    with pytest.raises(ApprovalError, match="PERSON-NOT-YOURS"):
        _erase(somebody, deps, by="mia")
    with pytest.raises(ApprovalError, match="USER-UNKNOWN"):
        _erase(somebody, deps, by="eve")
    assert _erase(somebody, deps)["rows"] > 0


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "asked by {id}", "letter from FIRSTNAME{n}", "{id}@example.test wrote"])
def test_the_reason_must_not_say_who(flight: under_way.Flight, somebody: str, reason: str) -> None:
    reason = reason.format(id=somebody.lower(), n=int(somebody[1:]))
    with pytest.raises(ConfigError, match="PERSON-REASON"):
        _erase(somebody, flight.deps, reason=reason)
    assert flight.deps.journal.entries(subject="people") == []


@pytest.mark.parametrize("person", ["", "nobody", "C000001' OR 1=1 --", "\x00", "x" * 10_000, "%"])
def test_nobody_is_not_erased(flight: under_way.Flight, person: str) -> None:
    before = flight.deps.lake.snapshot()
    with pytest.raises(DataError, match="PERSON-NOBODY"):
        _erase(person, flight.deps)
    assert flight.deps.lake.snapshot() == before


def test_erasing_twice_is_erasing_once(flight: under_way.Flight, somebody: str) -> None:
    _erase(somebody, flight.deps)
    again = _erase(somebody, flight.deps)
    assert {name: value for name, value in again.items() if name != "person"} == dict.fromkeys(
        ("rows", "files", "sends", "cancelled", "outbox", "quarantine"), 0
    )
    assert forgetting.count(deps=flight.deps) == 1
