"""The ledger: each send is held by one worker at a time and happens at most once."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from sqlalchemy import text

from liftwright.domain.campaign import Send

NONE = frozenset()
EMAIL = frozenset({"email"})


@pytest.fixture
def sent(store, make):
    """A running campaign with ten sends, all due at `later`."""
    store.launched(make.sends(store.planned().plan_hash, 10))
    return store


@pytest.fixture
def later(make):
    return make.now + timedelta(hours=3)


def _ids(sends) -> list[str]:
    return [send.send_id for send in sends]


def test_sends_are_leased_when_they_are_due_and_not_before(sent, make):
    assert _ids(sent.ledger.lease(now=make.now + timedelta(seconds=2), worker="w", limit=10)) == [
        f"c1-s00000{i}" for i in range(3)
    ]
    assert sent.ledger.lease(now=make.now + timedelta(seconds=2), worker="w", limit=10) == []


def test_what_is_due_at_the_same_time_goes_by_priority(store, make, later):
    plan = store.planned()
    sends = [
        send.model_copy(update={"priority": priority, "send_at": make.now})
        for send, priority in zip(make.sends(plan.plan_hash, 3), (3, 1, 2), strict=True)
    ]
    store.launched(sends)
    assert [send.priority for send in store.ledger.lease(now=later, worker="w", limit=2)] == [1, 2]


def test_a_leased_send_says_who_holds_it_and_until_when(sent, later):
    leased = sent.ledger.lease(now=later, worker="w", limit=1, seconds=90)[0]
    assert (leased.state, leased.lease_until) == ("leased", later + timedelta(seconds=90))
    assert leased.attempts == 0


@pytest.mark.parametrize("status", ["stopped", "finished"])
def test_nothing_of_a_campaign_that_does_not_run_is_leased(sent, later, status):
    sent.campaigns.update("c1", status=status)
    assert sent.ledger.lease(now=later, worker="w", limit=10) == []


def test_only_the_holder_moves_a_send(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=3))
    assert sent.ledger.mark(ids, "sending", now=later, worker="thief") == []
    assert sent.ledger.mark([*ids, "nobody"], "sending", now=later, worker="w") == ids
    assert set(sent.ledger.sends("c1", states=["sending"])["attempts"].to_pylist()) == {1}


def test_a_lease_that_ran_out_moves_nothing(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1, seconds=60))
    assert sent.ledger.mark(ids, "sending", now=later + timedelta(seconds=60), worker="w") == []


def test_a_mark_carries_only_the_fields_it_may(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1))
    longer = later + timedelta(hours=1)
    assert sent.ledger.mark(ids, "sending", now=later, worker="w", lease_until=longer) == ids
    assert sent.ledger.sends("c1", states=["sending"])["lease_until"].to_pylist() == [longer]
    with pytest.raises(ValueError, match="customer_id"):
        sent.ledger.mark(ids, "sending", now=later, worker="w", customer_id="p9")


def test_a_stop_between_lease_and_start_cancels_what_was_leased(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=2))
    sent.campaigns.update("c1", status="stopped")
    assert sent.ledger.mark(ids, "sending", now=later, worker="w") == []
    assert [sent.states()[send_id] for send_id in ids] == ["cancelled", "cancelled"]


def test_results_are_written_down_one_by_one(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=5))
    sent.ledger.mark(ids[:3], "sending", now=later, worker="w")
    tomorrow = later + timedelta(days=1)
    sent.ledger.settle(
        {
            ids[0]: ("sent", "provider-1"),
            ids[1]: ("failed", "no such address"),
            ids[2]: ("unknown", "timed out"),
            ids[3]: ("suppressed", "opted out"),
            ids[4]: ("delayed", "quiet hours"),
        },
        now=later,
        worker="w",
        delayed_to={ids[4]: tomorrow},
    )
    table = sent.ledger.sends("c1").to_pylist()
    by_id = {row["send_id"]: row for row in table}
    assert [by_id[i]["state"] for i in ids] == ["sent", "failed", "unknown", "suppressed", "planned"]
    assert (by_id[ids[0]]["provider_id"], by_id[ids[0]]["sent_at"]) == ("provider-1", later)
    assert [by_id[i]["reason"] for i in ids[1:]] == ["no such address", "timed out", "opted out", "quiet hours"]
    assert [by_id[i]["lease_until"] for i in ids] == [None] * 5
    assert by_id[ids[4]]["send_at"] == tomorrow
    assert by_id[ids[0]]["send_at"] < later


def test_a_delay_without_a_new_time_is_refused(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1))
    with pytest.raises(ValueError, match=ids[0]):
        sent.ledger.settle({ids[0]: ("delayed", "quiet hours")}, now=later, worker="w")
    assert sent.states()[ids[0]] == "leased"


def test_nothing_of_a_stopped_campaign_is_delayed(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1))
    sent.campaigns.update("c1", status="stopped")
    sent.ledger.settle({ids[0]: ("delayed", "")}, now=later, worker="w", delayed_to={ids[0]: later})
    assert sent.states()[ids[0]] == "cancelled"


def test_results_of_somebody_who_does_not_hold_the_send_are_ignored(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1))
    sent.ledger.settle({ids[0]: ("sent", "x"), "nobody": ("sent", "y")}, now=later, worker="thief")
    assert sent.states()[ids[0]] == "leased"


def test_a_final_state_stays(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1))
    sent.ledger.settle({ids[0]: ("sent", "x")}, now=later, worker="w")
    sent.ledger.settle({ids[0]: ("failed", "late news")}, now=later, worker="w")
    assert sent.states()[ids[0]] == "sent"


def test_what_a_dead_worker_had_not_started_is_planned_again(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=2, seconds=60))
    assert sent.ledger.release_expired(now=later + timedelta(seconds=59), idempotent_channels=NONE)["planned"] == 0
    freed = sent.ledger.release_expired(now=later + timedelta(seconds=60), idempotent_channels=NONE)
    assert freed == {"planned": 2, "unknown": 0, "cancelled": 0}
    assert ids == _ids(sent.ledger.lease(now=later + timedelta(seconds=60), worker="w2", limit=2))


@pytest.mark.parametrize(("channels", "state"), [(NONE, "unknown"), (EMAIL, "planned")])
def test_what_a_dead_worker_was_delivering_is_repeated_only_where_that_has_no_second_effect(sent, later, channels, state):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1, seconds=60))
    sent.ledger.mark(ids, "sending", now=later, worker="w")
    freed = sent.ledger.release_expired(now=later + timedelta(seconds=61), idempotent_channels=channels)
    assert freed[state] == 1
    assert sent.states()[ids[0]] == state


def test_a_send_that_kills_every_worker_is_given_up(sent, later):
    seen = []
    for attempt in range(7):
        at = later + timedelta(minutes=10 * attempt)
        ids = _ids(sent.ledger.lease(now=at, worker=f"w{attempt}", limit=1, seconds=60))
        seen += ids
        sent.ledger.mark(ids, "sending", now=at, worker=f"w{attempt}")
        sent.ledger.release_expired(now=at + timedelta(seconds=61), idempotent_channels=EMAIL)
    assert seen.count("c1-s000000") == 5
    assert sent.states()["c1-s000000"] == "unknown"


def test_nothing_of_a_stopped_campaign_is_planned_again(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=2, seconds=60))
    sent.ledger.mark(ids[:1], "sending", now=later, worker="w")
    sent.campaigns.update("c1", status="stopped")
    sent.ledger.release_expired(now=later + timedelta(seconds=60), idempotent_channels=EMAIL)
    assert [sent.states()[send_id] for send_id in ids] == ["unknown", "cancelled"]


def test_a_late_answer_still_resolves_an_unknown(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=2, seconds=60))
    sent.ledger.mark(ids, "sending", now=later, worker="w")
    sent.ledger.release_expired(now=later + timedelta(seconds=61), idempotent_channels=NONE)
    sent.ledger.settle({ids[0]: ("sent", "x"), ids[1]: ("unknown", "")}, now=later + timedelta(seconds=62), worker="w")
    assert [sent.states()[send_id] for send_id in ids] == ["sent", "unknown"]


def test_an_answer_about_a_send_that_somebody_else_took_over_is_ignored(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=1, seconds=60))
    sent.ledger.mark(ids, "sending", now=later, worker="w")
    after = later + timedelta(seconds=61)
    sent.ledger.release_expired(now=after, idempotent_channels=EMAIL)
    sent.ledger.lease(now=after, worker="w2", limit=1)
    sent.ledger.settle({ids[0]: ("failed", "")}, now=after, worker="w")
    assert sent.states()[ids[0]] == "leased"


def test_cancelling_reaches_what_is_planned_and_leased_but_not_what_is_on_its_way(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=2))
    sent.ledger.mark(ids[:1], "sending", now=later, worker="w")
    assert sent.ledger.cancel_planned("c1", reason="stopped by anna", now=later) == 9
    assert sent.ledger.mark(ids[1:], "sending", now=later, worker="w") == []
    assert sent.states()[ids[0]] == "sending"
    assert set(sent.ledger.sends("c1", states=["cancelled"])["reason"].to_pylist()) == {"stopped by anna"}


def test_cancelling_one_offer_leaves_the_others(store, make, later):
    plan_hash = store.planned().plan_hash
    sends = [*make.sends(plan_hash, 3), *make.sends(plan_hash, 5, offer="save10")[3:]]
    store.launched(sends)
    assert store.ledger.cancel_planned("c1", reason="the stock is gone", now=later, offer="save10") == 2
    assert set(store.ledger.sends("c1", states=["cancelled"])["offer"].to_pylist()) == {"save10"}
    assert store.ledger.counts("c1")["waiting"] == 3


def test_cancelling_for_some_people_leaves_the_others(sent, later):
    assert sent.ledger.cancel_planned("c1", reason="opted out", now=later, customer_ids=["p3", "p4", "nobody"]) == 2
    assert sent.ledger.cancel_planned("c1", reason="opted out", now=later, customer_ids=[]) == 0
    assert [send_id for send_id, state in sent.states().items() if state == "cancelled"] == ["c1-s000003", "c1-s000004"]


def test_counts_add_up(sent, later):
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=4))
    sent.ledger.settle(
        {ids[0]: ("sent", ""), ids[1]: ("failed", ""), ids[2]: ("suppressed", ""), ids[3]: ("unknown", "")}, now=later, worker="w"
    )
    sent.ledger.cancel_planned("c1", reason="", now=later, customer_ids=["p9"])
    assert sent.ledger.counts("c1") == {
        "planned": 10,
        "delivered": 1,
        "failed": 1,
        "unknown": 1,
        "suppressed": 1,
        "cancelled": 1,
        "waiting": 5,
        "duplicates": 0,
    }
    assert sent.ledger.counts("nobody")["planned"] == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_duplicates_are_counted_not_assumed(sent):
    with sent.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sends DROP CONSTRAINT uq_sends_idem_key"))
        connection.execute(text("UPDATE sends SET idem_key = 'same' WHERE customer_id IN ('p1', 'p2', 'p3')"))
    assert sent.ledger.counts("c1")["duplicates"] == 2


def test_sends_come_out_as_a_table_of_every_field(sent, make):
    table = sent.ledger.sends("c1")
    assert table.schema.names == list(Send.model_fields)
    assert [Send.model_validate(row) for row in table.to_pylist()] == make.sends(sent.planned().plan_hash, 10)
    empty = sent.ledger.sends("nobody")
    assert empty.schema == table.schema
    assert table.schema.field("send_at").type == pa.timestamp("us", tz="UTC")


def test_contacts_are_counted_over_all_campaigns_and_only_while_they_may_reach_somebody(sent, make, later):
    plan = sent.planned("c2")
    sent.launch(sent.approved("c2"), make.sends(plan.plan_hash, 1, campaign_id="c2"))
    ids = _ids(sent.ledger.lease(now=later, worker="w", limit=4))
    sent.ledger.settle({ids[0]: ("sent", ""), ids[1]: ("failed", ""), ids[2]: ("unknown", "")}, now=later, worker="w")
    sent.ledger.cancel_planned("c1", reason="", now=later, customer_ids=["p8"])
    contacts = sent.ledger.contacts_since(make.now)
    assert contacts.schema.names == ["customer_id", "channel", "send_at", "state"]
    assert sorted(contacts["state"].to_pylist()) == ["leased", *["planned"] * 6, "sent", "unknown"]
    assert sent.ledger.contacts_since(make.now + timedelta(seconds=9))["state"].to_pylist() == ["sent", "planned"]


@pytest.mark.slow
def test_two_workers_at_once_start_every_send_exactly_once(store, make, later, second_process):
    store.launched(make.sends(store.planned().plan_hash, 400))
    processes = [second_process("lease", worker=worker, now=later.isoformat(), limit=20) for worker in ("w1", "w2")]
    for process in processes:
        process.go()
    started = [process.result() for process in processes]
    assert sorted(started[0] + started[1]) == [f"c1-s{i:06}" for i in range(400)]
    counts = store.ledger.counts("c1")
    assert (counts["delivered"], counts["waiting"], counts["duplicates"]) == (400, 0, 0)
    assert set(store.ledger.sends("c1")["attempts"].to_pylist()) == {1}


def test_only_what_was_handed_over_for_later_can_be_taken_back(sent, make):
    first, last = make.now, make.now + timedelta(hours=3)
    leased = sent.ledger.lease(now=first, worker="w", limit=10, ahead={"email": last})
    ids = _ids(leased)
    sent.ledger.mark(ids[:5], "sending", now=first, worker="w")
    sent.ledger.settle({i: ("sent", "day.csv") for i in ids[:5]}, now=first, worker="w")
    moment = leased[1].send_at
    wanted = {i: "stopped by ann" for i in ids}
    ahead = {send.send_id for send in leased[:5] if send.send_at > moment}
    assert sent.ledger.recall(wanted, now=moment) == len(ahead) > 0
    states = {row["send_id"]: (row["state"], row["reason"]) for row in sent.ledger.sends("c1").to_pylist()}
    assert {i for i, state in states.items() if state == ("cancelled", "stopped by ann")} == ahead
    assert {states[i][0] for i in ids[5:]} == {"leased"}
    assert sent.ledger.recall(wanted, now=moment) == 0
