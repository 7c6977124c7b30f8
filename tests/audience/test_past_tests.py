"""A past randomised test becomes treatments and customers, with what was assumed said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pytest

from liftwright.audience.mapping.application import Intake
from liftwright.audience.mapping.arms import levels_of

TakeIn = Callable[..., Intake]


def _wide(*, people: int = 1200, is_random: bool = True) -> str:
    rng = np.random.default_rng(3)
    past = rng.gamma(2.0, 50.0, people)
    arm = np.array(["Womens E-Mail", "Mens E-Mail", "No E-Mail"])[rng.integers(0, 3, people)]
    if not is_random:
        arm = np.where(past > 110, "Womens E-Mail", arm)
    visit = rng.random(people) < 0.2
    rows = [
        f"{rng.integers(1, 13)},{past[n]:.2f},{('Web', 'Phone', 'Both')[n % 3]},{arm[n]},{int(visit[n])},{int(visit[n] and n % 9 == 0)},"
        f"{30.0 if visit[n] and n % 9 == 0 else 0}"
        for n in range(people)
    ]
    return "recency,history,channel,segment,visit,conversion,spend\n" + "\n".join(rows) + "\n"


def test_a_wide_file_becomes_customers_and_treatments(take_in: TakeIn, now: datetime) -> None:
    found = take_in(_wide(), "treatments")
    customers, treatments = found.tables["customers"], found.tables["treatments"]
    assert customers.column_names == ["customer_id", "recency", "history", "purchase_channel"]
    assert customers["customer_id"][0].as_py() == "row-000001"
    assert set(treatments["arm"].to_pylist()) == {"control", "Womens E-Mail", "Mens E-Mail"}
    by_arm = dict(
        zip(
            treatments["arm"].to_pylist(),
            zip(*(treatments[n].to_pylist() for n in ("channel", "offer")), strict=True),
            strict=True,
        )
    )
    assert by_arm == {"control": (None, None), "Womens E-Mail": ("email", "womens"), "Mens E-Mail": ("email", "mens")}
    assert set(treatments["treated_at"].to_pylist()) == {now - timedelta(days=14)}
    assert set(treatments["discount"].to_pylist()) == {0.0}


def test_the_propensity_is_the_share_of_the_arm(take_in: TakeIn) -> None:
    treatments = take_in(_wide(), "treatments").tables["treatments"]
    arms = treatments["arm"].to_pylist()
    for arm, propensity in set(zip(arms, treatments["propensity"].to_pylist(), strict=True)):
        assert propensity == pytest.approx(arms.count(arm) / len(arms))


def test_what_was_assumed_is_said(take_in: TakeIn) -> None:
    said = " ".join(take_in(_wide(), "treatments").notes)
    for word in ("row-000001", "14 days", "balanced", "propensity", "purchase_channel"):
        assert word in said


def test_arms_that_chance_did_not_draw_get_no_propensity(take_in: TakeIn) -> None:
    found = take_in(_wide(is_random=False), "treatments")
    assert found.tables["treatments"]["propensity"].null_count == found.tables["treatments"].num_rows
    assert any("does not look randomised" in note and "history" in note for note in found.notes)


def test_columns_filled_after_the_treatment_are_no_features(take_in: TakeIn) -> None:
    text = (
        _wide()
        .replace("recency,", "opened,recency,", 1)
        .replace("\n", "\n1,")
        .removesuffix("1,")
        .replace("1,opened", "opened", 1)
    )
    found = take_in(text, "treatments")
    assert "opened" not in found.tables["customers"].column_names
    assert "opened" in found.tables["treatments"].column_names


def test_a_table_of_treatments_keeps_its_own_columns(take_in: TakeIn) -> None:
    text = (
        "customer_id,treated_at,arm,channel,offer,discount,propensity,cost,wave\n"
        "A,2026-06-01T10:00:00Z,sms:save10,sms,save10,0.1,0.2,0.04,1\n"
        "B,2026-06-01T10:00:00Z,control,,,0,0.3,0,1\n"
        "C,2026-06-01T10:00:00Z,email:none,email,none,0,1.3,0,1\n"
    )
    found = take_in(text, "treatments")
    assert list(found.tables) == ["treatments"]
    rows = found.tables["treatments"].to_pylist()
    assert [(r["arm"], r["channel"], r["offer"], r["propensity"]) for r in rows] == [
        ("sms:save10", "sms", "save10", 0.2),
        ("control", None, None, 0.3),
    ]
    assert found.quarantined["reason"].to_pylist() == ["propensity is not between 0 and 1"]


def test_a_flag_of_treated_or_not_is_enough(take_in: TakeIn) -> None:
    text = "customer_id,treated_at,treated,channel\n" + "".join(f"{n},2026-06-01,{n % 2},email\n" for n in range(10))
    treatments = take_in(text, "treatments").tables["treatments"]
    assert treatments["arm"].to_pylist() == ["control", "treated"] * 5
    assert set(treatments["propensity"].to_pylist()) == {0.5}


@pytest.mark.parametrize(
    ("names", "controls"),
    [
        (("No E-Mail", "Mens E-Mail"), {"No E-Mail"}),
        (("control", "email no offer"), {"control"}),
        (("holdout", "catalog"), {"holdout"}),
        (("0", "1"), {"0"}),
        (("A", "B"), set()),
    ],
)
def test_the_control_is_read_from_words(names: tuple[str, ...], controls: set[str]) -> None:
    assert {level.value for level in levels_of(names) if level.is_control} == controls


def test_the_channel_and_the_line_are_read_from_words() -> None:
    levels = {
        level.value: (level.channel, level.offer) for level in levels_of(("No mail", "Direct Mail", "Spring SMS", "Group B"))
    }
    assert levels["Direct Mail"] == ("direct_mail", "none")
    assert levels["Spring SMS"] == ("sms", "spring")
    assert levels["Group B"] == (None, "group_b")
