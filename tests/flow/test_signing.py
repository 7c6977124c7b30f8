"""Who may sign what: users, roles, four eyes and two people, and every way round them. On both databases; nothing unsigned is ever planned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from staffed import STAFF, Strict, approve, asked, house_of, planned

from liftwright.domain.approval import Decision
from liftwright.domain.errors import ApprovalError, ConfigError
from liftwright.flow import deciding, drill, people, shown, signing, walk
from liftwright.flow.launch import launch
from liftwright.ports import Deps
from liftwright.store.engine import open_engine


@pytest.fixture
def house(any_shop: Deps) -> Deps:
    """A shop with staff, where every plan needs two people."""
    return house_of(any_shop)


async def test_two_people_of_the_needed_roles_launch_and_one_does_not(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    assert await approve(house, campaign_id, plan_hash, "leo") == "awaiting_approval"
    row = house.approvals.pending(campaign_id)
    assert row is not None
    assert signing.missing(row, deps=house) == ("finance",)
    assert shown.approvals_json(deps=house)[0]["asked_by"] == house.campaigns.get(campaign_id).goal.asked_by == "mia"
    assert await approve(house, campaign_id, plan_hash, "leo") == "awaiting_approval", "signing twice is signing once"
    assert planned(house, campaign_id) == 0
    assert await approve(house, campaign_id, plan_hash, "fay") == "running"
    assert planned(house, campaign_id) > 0
    signed = [entry.actor for entry in house.journal.entries(subject=campaign_id) if entry.action == "approval.signed"]
    assert signed == ["leo", "fay"]


@pytest.mark.parametrize(
    ("by", "code", "names"),
    [
        ("mia", "APPROVAL-NOT-YOURS", "Who could: fay (finance), leo"),
        ("cora", "APPROVAL-NOT-YOURS", "holds none of the roles"),
        ("ines", "APPROVAL-NOT-YOURS", "may look, and not decide"),
        ("ada", "APPROVAL-NOT-YOURS", "holds none of the roles"),
        ("eve", "USER-UNKNOWN", "Users who may act: ada"),
        ("Leo", "USER-UNKNOWN", "no user"),
    ],
)
async def test_who_may_not_is_refused_and_told_who_could(house: Deps, by: str, code: str, names: str) -> None:
    campaign_id, plan_hash = await asked(house)
    with pytest.raises(ApprovalError) as caught:
        await approve(house, campaign_id, plan_hash, by)
    assert caught.value.code == code
    assert names in f"{caught.value.says} {caught.value.next_step}"
    assert planned(house, campaign_id) == 0


async def test_whoever_edited_last_does_not_sign_their_own_revision(house: Deps) -> None:
    campaign_id, _ = await asked(house)
    edited = await deciding.decide("edit", campaign_id, plan_hash=None, by="leo", changes={"limits.touches": "1"}, deps=house)
    with pytest.raises(ApprovalError, match="edited it last"):
        await approve(house, campaign_id, str(edited.plan_hash), "leo")
    people.put("lou", roles=["approver"], is_active=True, by="ada", deps=house)
    assert await approve(house, campaign_id, str(edited.plan_hash), "lou") == "awaiting_approval"
    assert await approve(house, campaign_id, str(edited.plan_hash), "fay") == "running"


async def test_a_signature_for_an_older_revision_counts_for_nothing(house: Deps) -> None:
    campaign_id, old = await asked(house)
    await approve(house, campaign_id, old, "leo")
    edited = await deciding.decide("edit", campaign_id, plan_hash=None, by="cora", changes={"limits.touches": "1"}, deps=house)
    assert await approve(house, campaign_id, str(edited.plan_hash), "fay") == "awaiting_approval"
    with pytest.raises(ApprovalError, match="APPROVAL-STALE"):
        await approve(house, campaign_id, old, "leo")
    assert planned(house, campaign_id) == 0


async def test_a_user_who_was_switched_off_neither_signs_nor_counts(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    await approve(house, campaign_id, plan_hash, "leo")
    people.put("leo", roles=STAFF["leo"], is_active=False, by="ada", deps=house)
    with pytest.raises(ApprovalError, match="switched off"):
        await approve(house, campaign_id, plan_hash, "leo")
    assert await approve(house, campaign_id, plan_hash, "fay") == "awaiting_approval"
    assert planned(house, campaign_id) == 0


async def test_a_yes_written_past_the_program_is_not_launched_without_its_signatures(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    row = house.approvals.pending(campaign_id)
    assert row is not None
    yes = Decision(kind="approve", approval_id=row.approval_id, plan_hash=plan_hash, by="mallory", at=house.now())
    house.approvals.decide(yes)
    launch(row.approval_id, deps=house)
    assert planned(house, campaign_id) == 0
    assert house.campaigns.get(campaign_id).status == "blocked"
    assert "not signed by everybody" in str(house.campaigns.get(campaign_id).stop_reason)


@pytest.mark.parametrize("signed", [0, 1])
async def test_what_was_revoked_is_never_launched(house: Deps, signed: int) -> None:
    campaign_id, plan_hash = await asked(house)
    for name in ("leo", "fay")[:signed]:
        await approve(house, campaign_id, plan_hash, name)
    campaign = await deciding.revoke(campaign_id, by="cora", reason="claims changed", deps=house)
    assert (campaign.status, planned(house, campaign_id)) == ("rejected", 0)
    for name in ("leo", "fay"):
        with pytest.raises(ApprovalError):
            await approve(house, campaign_id, plan_hash, name)
    with pytest.raises(ApprovalError, match="APPROVAL-NOT-REVOCABLE"):
        await deciding.revoke(campaign_id, by="cora", reason="again", deps=house)


async def test_what_runs_is_stopped_and_not_revoked(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    await approve(house, campaign_id, plan_hash, "leo")
    await approve(house, campaign_id, plan_hash, "fay")
    with pytest.raises(ApprovalError, match="liftwright stop"):
        await deciding.revoke(campaign_id, by="cora", reason="too late", deps=house)


async def test_a_right_given_away_is_good_for_one_approval_and_goes_no_further(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    row = house.approvals.pending(campaign_id)
    assert row is not None
    fay, cora, mia = (house.users.get(name) for name in ("fay", "cora", "mia"))
    assert fay
    assert cora
    assert mia
    assert signing.delegate(row, by=fay, to="cora", deps=house) == ("finance",)
    for giver, receiver in ((cora, "ines"), (fay, "fay"), (fay, "eve"), (mia, "ines")):
        with pytest.raises(ApprovalError):
            signing.delegate(row, by=giver, to=receiver, deps=house)
    await approve(house, campaign_id, plan_hash, "cora")
    assert await approve(house, campaign_id, plan_hash, "leo") == "running"
    other, other_hash = await asked(house)
    with pytest.raises(ApprovalError, match="holds none of the roles"):
        await approve(house, other, other_hash, "cora")


async def test_one_person_with_every_role_is_still_one_person(house: Deps) -> None:
    people.put("max", roles=["approver", "finance"], is_active=True, by="ada", deps=house)
    campaign_id, plan_hash = await asked(house)
    assert await approve(house, campaign_id, plan_hash, "max") == "awaiting_approval"
    assert planned(house, campaign_id) == 0


async def test_two_who_sign_at_once_launch_once(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    done = await asyncio.gather(
        *(approve(house, campaign_id, plan_hash, name) for name in ("leo", "fay", "leo")), return_exceptions=True
    )
    assert house.campaigns.get(campaign_id).status == "running", done
    plan = house.campaigns.plan(campaign_id)
    assert plan is not None
    assert planned(house, campaign_id) == plan.assignment.touches


async def test_a_key_must_be_shown_hold_and_be_one_s_own(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    key = people.new_key("leo", by="ada", deps=house)
    assert key.startswith("lw_")
    others = people.new_key("fay", by="ada", deps=house)

    def showing(text: str | None) -> Deps:
        return replace(house, settings=house.settings.model_copy(update={"key": SecretStr(text) if text else None}))

    for wrong in (None, "lw_guess", others, key + "x", "\ud800"):
        with pytest.raises(ApprovalError, match="USER-KEY"):
            await approve(showing(wrong), campaign_id, plan_hash, "leo")
    assert await approve(showing(key), campaign_id, plan_hash, "leo") == "awaiting_approval"
    assert people.revoke_keys("leo", by="ada", deps=house) == 1
    with pytest.raises(ApprovalError, match="USER-KEY"):
        await approve(showing(key), campaign_id, plan_hash, "leo")
    late = replace(showing(others), now=lambda: house.now() + signing.KEY_LASTS)
    with pytest.raises(ApprovalError, match="USER-KEY"):
        signing.known("fay", deps=late)
    _appears_nowhere(house, key)


def _appears_nowhere(house: Deps, key: str) -> None:
    engine = open_engine(house.settings.home, house.settings.database_url)
    with engine.connect() as connection:
        for table in ("user_keys", "users", "journal"):
            assert key not in str(connection.execute(text(f"SELECT * FROM {table}")).all())
    engine.dispose()
    shown = replace(house, settings=house.settings.model_copy(update={"key": SecretStr(key)}))
    assert key not in f"{shown.settings!r} {shown.settings.model_dump_json()}"


async def test_where_there_are_users_a_goal_is_asked_by_one(house: Deps) -> None:
    with pytest.raises(ApprovalError, match="USER-UNKNOWN"):
        await walk.start("Sell more", deps=house)
    assert house.campaigns.all() == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda deps: people.put("zed", roles=["admin"], is_active=True, by="leo", deps=deps), "USER-NOT-ADMIN"),
        (lambda deps: people.put("zed", roles=["king"], is_active=True, by="ada", deps=deps), "no role king"),
        (lambda deps: people.put("", roles=["admin"], is_active=True, by="ada", deps=deps), "printable"),
        (lambda deps: people.put("a\u202eb", roles=["admin"], is_active=True, by="ada", deps=deps), "printable"),
        (lambda deps: people.put("x" * 101, roles=["admin"], is_active=True, by="ada", deps=deps), "printable"),
        (lambda deps: people.put("ada", roles=["analyst"], is_active=True, by="ada", deps=deps), "stay admin"),
        (lambda deps: people.put("ada", roles=["admin"], is_active=False, by="ada", deps=deps), "stay admin"),
        (lambda deps: people.new_key("leo", by="fay", deps=deps), "USER-NOT-ADMIN"),
        (lambda deps: people.new_key("zed", by="ada", deps=deps), "USER-UNKNOWN"),
        (lambda deps: people.revoke_keys("leo", by="fay", deps=deps), "USER-NOT-ADMIN"),
        (lambda deps: people.revoke_keys("zed", by="ada", deps=deps), "USER-UNKNOWN"),
        (lambda deps: people.revoke_keys("ada", by="ada", deps=deps), "only admin"),
        (lambda deps: people.put("leo", roles=["admin"], is_active=True, by="ada", is_new=True, deps=deps), "USER-TAKEN"),
        (lambda deps: people.begin("zed", deps=deps), "USER-FIRST"),
        (lambda deps: people.recover("leo", by="Zoe", reason="lost", deps=deps), "is no admin"),
        (lambda deps: people.recover("ada", by=" ", reason="lost", deps=deps), "a name and a reason"),
        (lambda deps: people.recover("ada", by="Zoe", reason="\n", deps=deps), "a name and a reason"),
    ],
)
def test_only_an_admin_changes_users_and_one_always_stays(house: Deps, change: Callable[[Deps], Any], error: str) -> None:
    before = house.users.all()
    with pytest.raises((ApprovalError, ConfigError), match=error):
        change(house)
    assert house.users.all() == before


def test_who_only_looks_holds_no_campaign_for_a_drill(house: Deps) -> None:
    with pytest.raises(ApprovalError, match="DRILL-NOT-YOURS"):
        drill.drill("c-any", by="ines", deps=house)


def test_nobody_is_locked_out_for_good_and_nobody_comes_in_past_an_admin_s_key(house: Deps) -> None:
    people.new_key("leo", by="ada", deps=house)
    lost = people.new_key("ada", by="ada", deps=house)
    with pytest.raises(ApprovalError, match="an admin whose key holds: ada"):
        people.recover("ada", by="Zoe", reason="the key is lost", deps=house)
    late = replace(house, now=lambda: house.now() + signing.KEY_LASTS)
    with pytest.raises(ApprovalError, match="USER-KEY"):
        people.new_key("ada", by="ada", deps=late)
    late.users.new_key("ada", by="ada", now=late.now(), lasts=signing.KEY_LASTS, scopes=["read"])
    late.users.new_key("leo", by="leo", now=late.now(), lasts=signing.KEY_LASTS)
    assert late.users.holding(now=late.now()) == ["leo"], "a key that is only for reading lets nobody in again"
    key = people.recover("ada", by="Zoe\nthe owner", reason="the key is lost", deps=late)
    assert late.users.holding(now=late.now()) == ["ada", "leo"]
    shown = replace(late, settings=late.settings.model_copy(update={"key": SecretStr(key)}))
    assert people.put("zed", roles=["analyst"], is_active=True, by="ada", deps=shown).name == "zed"
    assert late.users.holder(lost, now=late.now()) is None
    (entry,) = [each for each in late.journal.entries(subject="ada") if each.action == "user.recovered"]
    assert (entry.actor, entry.detail) == ("Zoe the owner", {"reason": "the key is lost"})
    with pytest.raises(ApprovalError, match="an admin whose key holds"):
        people.recover("ada", by="Zoe", reason="again", deps=late)


def test_the_first_user_must_be_an_admin(any_shop: Deps) -> None:
    with pytest.raises(ConfigError, match="become one first"):
        people.put("leo", roles=["approver"], is_active=True, by="anybody", deps=any_shop)
    assert people.put("ada", roles=["admin"], is_active=True, by="anybody", deps=any_shop).roles == ("admin",)


def test_the_first_admin_comes_in_with_the_key_they_got_and_in_no_other_way(any_shop: Deps) -> None:
    for wrong in ("", " ", "a\u202eb", "x" * 101):
        with pytest.raises(ConfigError, match="USER-FORM"):
            people.begin(wrong, deps=any_shop)
    with pytest.raises(ConfigError, match="USER-EMAIL"):
        people.begin("ada", email="ada@@shop", deps=any_shop)
    assert any_shop.users.all() == []
    key = people.begin(" ada ", email="ada@shop.example", deps=any_shop)
    shown = replace(any_shop, settings=any_shop.settings.model_copy(update={"key": SecretStr(key)}))
    assert people.sign_in("ada", deps=shown).startswith(people.SESSION)
    assert (people.admins(deps=any_shop), any_shop.users.all()[0].email) == (["ada"], "ada@shop.example")
    with pytest.raises(ApprovalError, match="USER-KEY"):
        people.put("leo", roles=["admin"], is_active=True, by="ada", deps=any_shop)


async def test_without_users_any_name_decides_as_before(any_shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=replace(any_shop, library=Strict()))
    assert await approve(any_shop, campaign.campaign_id, str(campaign.plan_hash), "anybody") == "running"
