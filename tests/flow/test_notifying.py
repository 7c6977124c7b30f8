"""People who could sign are told that something waits: once each, by real mail and a real webhook, and nobody else is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from small_shop import Clock
from staffed import approve, asked
from told_shop import BASE, SECRET, Office, staffed, ways, with_notify

from liftwright.flow import change, deciding, notifying, people, recovery, signing
from liftwright.flow.stopping import lapse
from liftwright.ports import Deps
from post_office import Mailbox, Receiver, mailbox, receiver  # noqa: F401 (fixtures)

ASKED, DUE, ESCALATED = "Waits for your decision", "Due soon", "Needs your name too"
pytestmark = pytest.mark.loopback


@pytest.fixture
def office(shop: Deps, mailbox: Mailbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Office:  # noqa: F811
    """A shop where every plan needs a marketing lead and finance, and everybody has an address."""
    monkeypatch.setenv("CHAT_SECRET", SECRET)
    return Office(with_notify(staffed(shop), **ways(mailbox.port, receiver.url)), mailbox, receiver)


@pytest.fixture
def any_office(any_shop: Deps, mailbox: Mailbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Office:  # noqa: F811
    """The same on SQLite, then on PostgreSQL."""
    monkeypatch.setenv("CHAT_SECRET", SECRET)
    return Office(with_notify(staffed(any_shop), **ways(mailbox.port, receiver.url)), mailbox, receiver)


async def test_whoever_could_sign_is_told_once_however_often_workers_look(any_office: Office) -> None:
    """Mia asked, ines only looks, cora and ada hold no role this needs."""
    campaign_id, _ = await asked(any_office.deps)
    assert any_office.mails == [], "asking tells nobody; a worker does"
    assert any_office.tell() == {"notices_sent": 3}
    for worker in ("w1", "w2"):
        await recovery.recover(deps=any_office.deps)
        assert any_office.tell(worker=worker) == {}
    assert any_office.mails == [("fay", ASKED), ("leo", ASKED)]
    assert any_office.posts == ["approval.asked"]
    (text, _) = [message.get_content() for message in any_office.mailbox.messages()]
    row = any_office.deps.approvals.pending(campaign_id)
    assert row
    link = f"{BASE}/approvals/{campaign_id}"
    for said in (link, row.title, "mia", "marketing_lead, finance", f"{row.expires_at:%Y-%m-%d %H:%M} UTC"):
        assert said in text
    assert any_office.receiver.bodies()[0]["data"]["link"] == link
    assert any_office.deps.approvals.get(row.approval_id) == row, "telling changes nothing of what waits"


async def test_nothing_of_a_customer_leaves(office: Office) -> None:
    await asked(office.deps)
    office.tell()
    snapshot = office.deps.lake.snapshot()
    assert snapshot
    people_of = office.deps.lake.read(snapshot)["customers"]
    left = " ".join(
        [content.decode() for _, content in office.mailbox.arrived] + [str(body) for body in office.receiver.bodies()]
    )
    for column in ("customer_id", "email", "phone"):
        assert not [value for value in people_of[column].to_pylist() if value in left]


async def test_without_notify_nothing_happens(shop: Deps) -> None:
    deps = staffed(shop)
    campaign_id, _ = await asked(deps)
    assert notifying.tell(deps=deps, worker="w1") == {}
    row = deps.approvals.pending(campaign_id)
    assert row
    assert deps.notices.of(row.approval_id) == []


async def test_a_revision_is_told_anew_and_what_it_replaced_is_dropped(office: Office) -> None:
    campaign_id, _ = await asked(office.deps)
    first = office.deps.approvals.pending(campaign_id)
    assert first
    notifying.plan(deps=office.deps)
    changes = {"limits.touches": "1"}
    await deciding.decide("edit", campaign_id, plan_hash=None, by="fay", changes=changes, deps=office.deps)
    assert office.tell() == {"notices_dropped": 3, "notices_sent": 2}, "fay edited, so she signs no more"
    assert set(office.states(first.approval_id).values()) == {"dropped"}
    assert office.mails == [("leo", ASKED)]


async def test_who_signed_is_left_alone_and_the_rest_is_reminded_once(office: Office, clock: Clock) -> None:
    campaign_id, plan_hash = await asked(office.deps)
    office.tell()
    await approve(office.deps, campaign_id, plan_hash, "leo")
    clock.on(hours=67.9)
    people.put("max", roles=["finance"], is_active=True, by="ada", email="max@shop.example", deps=office.deps)
    office.tell()
    assert office.mails == [("fay", ASKED), ("leo", ASKED), ("max", ASKED)], "not due soon yet"
    clock.on(hours=0.1)
    for _ in range(3):
        office.tell()
        clock.on(hours=1)
    assert office.mails == [("fay", DUE), ("fay", ASKED), ("leo", ASKED), ("max", DUE), ("max", ASKED)]
    assert office.posts == ["approval.asked", "approval.reminder"]


async def test_who_is_first_told_when_it_is_due_soon_is_not_reminded_too(office: Office, clock: Clock) -> None:
    await asked(office.deps)
    clock.on(hours=69)
    for _ in range(2):
        office.tell()
        clock.on(hours=1)
    assert office.mails == [("fay", ASKED), ("leo", ASKED)]
    assert office.posts == ["approval.asked"]


async def test_an_escalation_is_told_to_the_role_it_names_and_to_programs(office: Office) -> None:
    campaign_id, _ = await asked(office.deps)
    office.tell()
    row, leo = office.deps.approvals.pending(campaign_id), office.deps.users.get("leo")
    assert row
    assert leo
    signing.escalate(row, by=leo, to="compliance", reason="a new claim", deps=office.deps)
    for _ in range(2):
        office.tell()
    assert office.mails == [("cora", ESCALATED), ("fay", ASKED), ("leo", ASKED)]
    assert office.posts == ["approval.asked", "approval.escalated"]
    told = office.receiver.bodies()[1]["data"]
    assert (told["asked_by"], told["escalated_to"]) == ("leo", "compliance")
    assert told["needs"] == [*row.needs, "compliance"]


async def test_who_may_sign_only_since_later_is_told_then(office: Office) -> None:
    """Here by a right given away."""
    campaign_id, _ = await asked(office.deps)
    row, fay = office.deps.approvals.pending(campaign_id), office.deps.users.get("fay")
    assert row
    assert fay
    office.tell()
    signing.delegate(row, by=fay, to="cora", deps=office.deps)
    office.tell()
    assert ("cora", ASKED) in office.mails


async def test_a_question_of_a_running_campaign_is_told_like_a_plan(office: Office) -> None:
    campaign_id, plan_hash = await asked(office.deps)
    await approve(office.deps, campaign_id, plan_hash, "leo")
    assert await approve(office.deps, campaign_id, plan_hash, "fay") == "running"
    assert office.tell() == {}, "nothing waits, and nothing was told before it was decided"
    plan = office.deps.campaigns.plan(campaign_id)
    assert plan
    rule = next(rule for rule in plan.experiment.stop_rules if not rule.acts)
    for _ in range(2):
        await change.ask(plan, rule, seen="4 % by now", deps=office.deps)
        office.tell()
    assert office.mails == [("leo", ASKED)]
    (told,) = [body["data"] for body in office.receiver.bodies()]
    assert told["title"].startswith(f"Stop {campaign_id}?")
    assert told["asked_by"] == "liftwright"


async def test_people_switched_off_get_nothing_also_when_it_was_planned_already(office: Office) -> None:
    people.put("leo", roles=["approver"], is_active=False, by="ada", deps=office.deps)
    campaign_id, _ = await asked(office.deps)
    notifying.plan(deps=office.deps)
    people.put("fay", roles=["finance"], is_active=False, by="ada", deps=office.deps)
    assert office.tell() == {"notices_dropped": 1, "notices_sent": 1}
    assert office.mails == []
    row = office.deps.approvals.pending(campaign_id)
    assert row
    assert office.states(row.approval_id) == {("fay", "asked"): "dropped", ("chat", "asked"): "sent"}


async def test_users_without_an_address_are_named_and_told_once_they_have_one(office: Office) -> None:
    people.put("fay", roles=["finance"], is_active=True, by="ada", email="", deps=office.deps)
    campaign_id, _ = await asked(office.deps)
    office.tell()
    row = office.deps.approvals.pending(campaign_id)
    assert row
    assert office.mails == [("leo", ASKED)]
    assert notifying.untold(row, deps=office.deps) == ["fay"]
    people.put("fay", roles=["finance"], is_active=True, by="ada", email="fay@shop.example", deps=office.deps)
    office.tell()
    assert office.mails == [("fay", ASKED), ("leo", ASKED)]


@pytest.mark.parametrize("ending", ["decided", "revoked", "expired"])
async def test_what_waits_no_longer_is_not_told(office: Office, clock: Clock, ending: str) -> None:
    campaign_id, plan_hash = await asked(office.deps)
    notifying.plan(deps=office.deps)
    if ending == "decided":
        await deciding.decide("reject", campaign_id, plan_hash=plan_hash, by="leo", reason="no", deps=office.deps)
    elif ending == "revoked":
        await deciding.revoke(campaign_id, by="leo", reason="no", deps=office.deps)
    else:
        clock.on(hours=73)
    assert office.tell() == {"notices_dropped": 3}
    lapse(deps=office.deps)
    assert office.tell() == {}
    assert office.mails == office.posts == []


async def test_two_workers_at_once_tell_everybody_once(any_office: Office) -> None:
    for _ in range(3):
        await asked(any_office.deps)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda worker: any_office.tell(worker=worker), ["w1", "w2"]))
    assert sum(each.get("notices_sent", 0) for each in done) == 9
    ids = [message["Message-ID"] for message in any_office.mailbox.messages()]
    assert len(ids) == len(set(ids)) == 6
    assert any_office.posts == ["approval.asked"] * 3


async def test_a_title_that_would_be_a_header_or_markup_is_words(office: Office) -> None:
    campaign_id, _ = await asked(office.deps)
    row = office.deps.approvals.pending(campaign_id)
    assert row
    hostile = row.model_copy(
        update={
            "approval_id": "a-hostile",
            "thread_id": f"{campaign_id}:x",
            "title": "Stop?\r\nBcc: all@evil.example\r\n\r\n<a href='https://evil.example'>Approve</a>",
        }
    )
    office.deps.approvals.request(hostile)
    assert office.tell()["notices_sent"] == 3
    for message in office.mailbox.messages():
        assert message["Bcc"] is None
        assert message.get_content_type() == "text/plain"
        assert message.get_content().count("://") == 1
    assert {to for to, _ in office.mailbox.arrived} == {"leo@shop.example", "fay@shop.example"}


async def test_a_removed_webhook_is_dropped_and_missing_secrets_stop_the_worker(office: Office, monkeypatch: Any) -> None:
    await asked(office.deps)
    notifying.plan(deps=office.deps)
    only_mail = {**ways(office.mailbox.port, office.receiver.url), "webhooks": {}}
    without = replace(office, deps=with_notify(office.deps, **only_mail))
    assert without.tell() == {"notices_sent": 2, "notices_dropped": 1}
    monkeypatch.delenv("CHAT_SECRET")
    with pytest.raises(Exception, match=r"NOTIFY-SECRET.*CHAT_SECRET"):
        office.tell()


async def test_fewer_hours_than_a_reminder_needs_bring_no_reminder(office: Office, clock: Clock) -> None:
    limits = office.deps.settings.limits.model_copy(update={"approval_hours": 3})
    hasty = office.deps.settings.model_copy(update={"limits": limits})
    office.deps = replace(office.deps, settings=hasty)
    await asked(office.deps)
    for _ in range(3):
        office.tell()
        clock.at += timedelta(minutes=55)
    assert office.posts == ["approval.asked"]
