"""Launching: one transaction, only what was approved, only once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from liftwright.domain.errors import ApprovalError, DataError, LiftwrightError


def _execute(store, statement: str, **values: object) -> None:
    with store.engine.begin() as connection:
        connection.execute(text(statement), values)


def _nothing_happened(store, approval_id: str = "c1-a1") -> bool:
    actions = [entry.action for entry in store.journal.entries()]
    return (
        store.ledger.sends().num_rows == 0
        and store.approvals.get(approval_id).launched_at is None
        and store.campaigns.get("c1").status != "running"
        and "campaign.launched" not in actions
    )


def test_an_approved_plan_becomes_sends_a_running_campaign_and_a_journal_entry(store, make):
    approval = store.approved()
    sends = make.sends(approval.plan_hash, 3)
    assert store.launch(approval, sends) == 3
    assert store.ledger.sends("c1")["send_id"].to_pylist() == [send.send_id for send in sends]
    assert store.campaigns.get("c1").status == "running"
    assert store.approvals.get(approval.approval_id).launched_at == make.now + timedelta(hours=2)
    launched = store.journal.entries(subject="c1")[-1]
    assert (launched.action, launched.detail["sends"], launched.detail["approved_by"]) == ("campaign.launched", 3, "anna")


def test_a_second_launch_inserts_nothing(store, make):
    approval = store.approved()
    sends = make.sends(approval.plan_hash, 3)
    assert [store.launch(approval, sends), store.launch(approval, sends)] == [3, 0]
    assert store.ledger.counts("c1")["planned"] == 3


def test_an_approval_that_is_only_asked_for_launches_nothing(store, make):
    asked = store.asked()
    with pytest.raises(ApprovalError, match="APPROVAL-MISSING"):
        store.launch(asked, make.sends(asked.plan_hash, 1))
    assert _nothing_happened(store)


@pytest.mark.parametrize("kind", ["edit", "reject", "respond"])
def test_any_other_decision_launches_nothing(store, make, kind):
    asked = store.asked()
    store.approvals.decide(make.decision(asked, kind=kind))
    with pytest.raises(ApprovalError, match="APPROVAL-MISSING"):
        store.launch(asked, make.sends(asked.plan_hash, 1))
    assert _nothing_happened(store)


def test_a_row_set_to_approved_without_a_decision_launches_nothing(store, make):
    asked = store.asked()
    _execute(store, "UPDATE approvals SET status = 'approved'")
    with pytest.raises(ApprovalError, match="APPROVAL-MISSING"):
        store.launch(asked, make.sends(asked.plan_hash, 1))
    assert _nothing_happened(store)


@pytest.mark.parametrize("statement", ["UPDATE decisions SET kind = 'reject'", "UPDATE approvals SET status = 'revoked'"])
def test_an_approval_and_a_decision_that_disagree_launch_nothing(store, make, statement):
    approval = store.approved()
    _execute(store, statement)
    with pytest.raises(ApprovalError, match="APPROVAL-MISSING"):
        store.launch(approval, make.sends(approval.plan_hash, 1))
    assert _nothing_happened(store)


def test_an_approval_may_be_launched_until_it_expires_and_not_after(store, make):
    approval = store.approved()
    sends = make.sends(approval.plan_hash, 1)
    with pytest.raises(ApprovalError, match="APPROVAL-EXPIRED"):
        store.launch(approval, sends, now=approval.expires_at)
    assert _nothing_happened(store)
    assert store.launch(approval, sends, now=approval.expires_at - timedelta(seconds=1)) == 1


def test_a_plan_row_changed_after_approval_launches_nothing(store, make):
    approval = store.approved()
    stored = make.plan(touches=2).model_dump_json().replace('"max_audience":50', '"max_audience":50000')
    _execute(store, "UPDATE plan_revisions SET plan = :plan", plan=stored)
    with pytest.raises(ApprovalError, match="APPROVAL-TAMPERED"):
        store.launch(approval, make.sends(approval.plan_hash, 1))
    assert _nothing_happened(store)


@pytest.mark.parametrize("table", ["approvals", "decisions"])
def test_a_hash_changed_after_the_decision_launches_nothing(store, make, table):
    approval = store.approved()
    _execute(store, f"UPDATE {table} SET plan_hash = 'sha256:other'")
    with pytest.raises(ApprovalError, match="APPROVAL-TAMPERED"):
        store.launch(approval, make.sends(approval.plan_hash, 1))
    assert _nothing_happened(store)


def test_a_send_of_another_plan_is_refused_and_takes_the_others_with_it(store, make):
    approval = store.approved()
    sends = [*make.sends(approval.plan_hash, 2), make.sends("sha256:other", 3)[2]]
    with pytest.raises(ApprovalError, match="APPROVAL-TAMPERED"):
        store.launch(approval, sends)
    assert _nothing_happened(store)


def test_a_person_gets_one_touch_per_channel_and_wave(store, make):
    approval = store.approved()
    one, two = make.sends(approval.plan_hash, 2)
    with pytest.raises(DataError, match="LEDGER-DUPLICATE"):
        store.launch(approval, [one, two.model_copy(update={"idem_key": one.idem_key})])
    assert _nothing_happened(store)


def test_a_stopped_campaign_is_not_launched(store, make):
    approval = store.approved()
    store.campaigns.update("c1", status="stopped", stopped_by="anna")
    with pytest.raises(ApprovalError, match="is stopped"):
        store.launch(approval, make.sends(approval.plan_hash, 1))
    assert _nothing_happened(store)


def test_an_approval_that_does_not_exist_launches_nothing(store):
    with pytest.raises(ApprovalError, match="APPROVAL-UNKNOWN"):
        store.ledger.launch(approval_id="nobody", plan_hash=lambda: "sha256:x", sends=[], now=store.approved().expires_at)


def test_a_later_approval_replaces_what_was_never_tried_and_nothing_else(store, make):
    first = store.launched(make.sends(store.planned().plan_hash, 4))
    later = make.now + timedelta(hours=3)
    leased = store.ledger.lease(now=later, worker="w", limit=1)
    store.ledger.settle({leased[0].send_id: ("sent", "id-1")}, now=later, worker="w")
    store.ledger.cancel_planned("c1", reason="changed", now=later, customer_ids=["p1"])
    second = store.approved(revision=2)
    anew = [send.model_copy(update={"send_id": f"new-{send.customer_id}"}) for send in make.sends(second.plan_hash, 3)]
    assert store.launch(second, anew, now=later) == 2
    assert store.states() == {"c1-s000000": "sent", "c1-s000003": "planned", "new-p1": "planned", "new-p2": "planned"}
    hashes = dict(zip(*(store.ledger.sends("c1")[name].to_pylist() for name in ("send_id", "plan_hash")), strict=True))
    assert hashes["c1-s000003"] == hashes["c1-s000000"] == first.plan_hash
    assert store.ledger.counts("c1")["duplicates"] == 0
    assert store.journal.entries(subject="c1")[-1].detail["kept"] == 1


def _file_of(sends, path):
    path.write_text("\n".join(send.model_dump_json() for send in sends))
    return str(path)


@pytest.mark.slow
def test_of_two_processes_that_launch_at_once_exactly_one_inserts(store, make, second_process, tmp_path):
    approval = store.approved()
    sends = _file_of(make.sends(approval.plan_hash, 500), tmp_path / "sends.jsonl")
    arguments = {"approval_id": approval.approval_id, "sends": sends, "now": (make.now + timedelta(hours=2)).isoformat()}
    processes = [second_process("launch", **arguments) for _ in range(2)]
    for process in processes:
        process.go()
    assert sorted(process.result() for process in processes) == [0, 500]
    assert store.ledger.counts("c1") | {"waiting": 0} == {
        **dict.fromkeys(("delivered", "failed", "unknown", "suppressed", "cancelled", "waiting", "duplicates"), 0),
        "planned": 500,
    }
    assert [entry.action for entry in store.journal.entries()].count("campaign.launched") == 1


@pytest.mark.slow
def test_a_launch_killed_halfway_leaves_nothing_and_the_next_one_does_it_all(store, make, second_process, tmp_path):
    approval = store.approved()
    sends = make.sends(approval.plan_hash, 6_000)
    arguments = {"approval_id": approval.approval_id, "sends": _file_of(sends, tmp_path / "sends.jsonl")}
    process = second_process("launch", **arguments, now=(make.now + timedelta(hours=2)).isoformat(), stall_after=5_500)
    process.go()
    assert process.line() == "stalled"
    process.kill()
    assert _nothing_happened(store)
    assert store.launch(approval, sends) == 6_000
    assert store.journal.verify()[0]


def test_a_launch_that_fails_in_the_middle_leaves_nothing(store, make):
    approval = store.approved()

    def _break_off():
        yield from make.sends(approval.plan_hash, 5_001)
        raise LiftwrightError("TEST", "no more", next_step="none")

    with pytest.raises(LiftwrightError, match="no more"):
        store.launch(approval, _break_off())
    assert _nothing_happened(store)


@pytest.mark.slow
def test_a_hundred_thousand_sends_are_in_the_ledger_within_seconds(store, make):
    approval = store.approved()
    sends = make.sends(approval.plan_hash, 100_000)
    began = time.process_time()
    assert store.launch(approval, sends) == 100_000
    assert time.process_time() - began < 12
    assert store.ledger.counts("c1")["waiting"] == 100_000
