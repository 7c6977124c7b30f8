"""Approvals: pending once, decided once, by one person, for one hash."""

from __future__ import annotations

from datetime import timedelta

import pytest

from liftwright.domain.errors import ApprovalError, GoalError


def test_a_question_is_asked_once_however_often_it_is_put(store, make):
    first = store.asked()
    again = store.approvals.request(make.approval(make.plan(), approval_id="another"))
    assert again == first
    assert [waiting.approval_id for waiting in store.approvals.waiting()] == [first.approval_id]


def test_a_question_comes_back_as_it_was_put(store, make):
    asked = store.asked(needs=("marketer", "legal"), risk="high")
    assert store.approvals.get(asked.approval_id) == asked
    assert store.approvals.pending("c1") == asked


def test_a_newer_plan_supersedes_the_question_about_the_older_one(store, make):
    older, newer = store.asked(), store.asked(revision=2)
    assert store.approvals.get(older.approval_id).status == "superseded"
    assert store.approvals.pending("c1") == newer
    assert store.journal.entries(subject="c1")[-1].detail["superseded"] == [older.approval_id]


def test_a_question_about_a_campaign_that_does_not_exist_is_refused(store, make):
    with pytest.raises(GoalError, match="CAMPAIGN-UNKNOWN"):
        store.approvals.request(make.approval(make.plan("nobody")))


def test_what_waits_is_shown_riskiest_first(store):
    store.asked("c1", risk="low")
    store.asked("c2", risk="high")
    store.asked("c3", risk="medium")
    assert [waiting.campaign_id for waiting in store.approvals.waiting()] == ["c2", "c3", "c1"]


@pytest.mark.parametrize(
    ("kind", "status"), [("approve", "approved"), ("edit", "edited"), ("reject", "rejected"), ("respond", "responded")]
)
def test_a_decision_sets_the_row_keeps_what_was_said_and_is_journaled(store, make, kind, status):
    decision = make.decision(store.asked(), kind=kind, reason="because", changes={"limits.budget": 10.5})
    decided = store.approvals.decide(decision)
    assert (decided.status, decided.decided_by, decided.decided_at, decided.reason) == (status, "anna", decision.at, "because")
    assert store.approvals.decision(decided.approval_id) == decision
    assert store.approvals.decisions("c1") == [decision]
    last = store.journal.entries(subject="c1")[-1]
    assert (last.actor, last.action, last.detail["plan_hash"]) == ("anna", f"approval.{status}", decision.plan_hash)


def test_a_second_decision_is_refused_and_says_who_was_first(store, make):
    asked = store.asked()
    store.approvals.decide(make.decision(asked))
    with pytest.raises(ApprovalError, match="already approved by anna") as refused:
        store.approvals.decide(make.decision(asked, kind="reject", by="bob"))
    assert refused.value.code == "APPROVAL-DECIDED"
    assert store.approvals.get(asked.approval_id).status == "approved"
    assert [decision.by for decision in store.approvals.decisions("c1")] == ["anna"]


def test_a_wrong_hash_is_refused_and_the_right_one_named(store, make):
    asked = store.asked()
    with pytest.raises(ApprovalError, match=asked.plan_hash) as refused:
        store.approvals.decide(make.decision(asked, plan_hash="sha256:wrong"))
    assert refused.value.code == "APPROVAL-STALE"
    assert store.approvals.get(asked.approval_id) == asked
    assert store.approvals.decision(asked.approval_id) is None


def test_a_decision_on_a_superseded_question_names_the_hash_that_waits_now(store, make):
    older, newer = store.asked(), store.asked(revision=2)
    with pytest.raises(ApprovalError, match=newer.plan_hash) as refused:
        store.approvals.decide(make.decision(older))
    assert refused.value.code == "APPROVAL-STALE"
    assert store.approvals.pending("c1") == newer


def test_a_late_decision_is_refused_and_the_question_is_expired_for_good(store, make):
    asked = store.asked()
    with pytest.raises(ApprovalError) as refused:
        store.approvals.decide(make.decision(asked, at=asked.expires_at))
    assert refused.value.code == "APPROVAL-EXPIRED"
    assert store.approvals.get(asked.approval_id).status == "expired"
    with pytest.raises(ApprovalError, match="APPROVAL-EXPIRED"):
        store.approvals.decide(make.decision(asked))
    assert store.approvals.decisions("c1") == []


def test_an_approval_that_does_not_exist_is_named(store):
    with pytest.raises(ApprovalError, match="APPROVAL-UNKNOWN"):
        store.approvals.get("nobody")
    assert store.approvals.decision("nobody") is None
    assert store.approvals.pending("nobody") is None


def test_questions_expire_when_their_time_is_over_and_not_before(store, make):
    asked = store.asked()
    assert store.approvals.expire(now=asked.expires_at - timedelta(seconds=1)) == []
    expired = store.approvals.expire(now=asked.expires_at)
    assert [(one.approval_id, one.status) for one in expired] == [(asked.approval_id, "expired")]
    assert store.journal.entries(subject="c1")[-1].action == "approval.expired"
    assert store.approvals.expire(now=asked.expires_at) == []
    assert store.approvals.waiting() == []


def test_a_decision_waits_to_be_taken_up_until_it_is_marked_once(store, make):
    decided = store.approved()
    assert [one.approval_id for one in store.approvals.decided_not_resumed()] == [decided.approval_id]
    store.approvals.mark_resumed(decided.approval_id, at=make.now + timedelta(hours=2))
    store.approvals.mark_resumed(decided.approval_id, at=make.now + timedelta(hours=9))
    assert store.approvals.decided_not_resumed() == []
    assert store.approvals.get(decided.approval_id).resumed_at == make.now + timedelta(hours=2)


def test_what_still_waits_or_expired_is_not_taken_up(store, make):
    asked = store.asked()
    assert store.approvals.decided_not_resumed() == []
    store.approvals.expire(now=asked.expires_at)
    assert store.approvals.decided_not_resumed() == []


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("approve", "approve"), ("approve", "reject")])
def test_of_two_processes_that_decide_at_once_exactly_one_is_heard(store, make, second_process, kinds):
    asked = store.asked()
    said = [make.decision(asked, kind=kind, by=by) for kind, by in zip(kinds, ("anna", "bob"), strict=True)]
    processes = [second_process("decide", decision=decision.model_dump_json()) for decision in said]
    for process in processes:
        process.go()
    results = [process.result() for process in processes]
    assert results.count("APPROVAL-DECIDED") == 1
    winner = said[1 - results.index("APPROVAL-DECIDED")]
    assert store.approvals.decisions("c1") == [winner]
    assert store.approvals.get(asked.approval_id).decided_by == winner.by
    assert [
        entry.actor for entry in store.journal.entries(subject="c1") if "approved" in entry.action or "rejected" in entry.action
    ] == [winner.by]
    assert store.journal.verify()[0]


def test_what_is_asked_and_said_in_one_moment_is_kept_in_its_order(store, make):
    names = ("z", "a", "m")
    for revision, name in enumerate(names, start=1):
        asked = store.asked(revision=revision, approval_id=name)
        store.approvals.decide(make.decision(asked, kind="edit" if name != "m" else "approve", changes={}))
    assert [decision.approval_id for decision in store.approvals.decisions("c1")] == list(names)
    assert [row.approval_id for row in store.approvals.decided_not_resumed()] == list(names)
