"""How people answer is learned where it is recorded, never from a person's own rows, and leads to the people a contact moves."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from liftwright.scoring import answers, uplift

AT = pa.scalar(datetime(2026, 1, 5, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
DULL = tuple(f"dull_{n}" for n in range(25))


def _history(*, people: int = 12_000, seed: int = 0) -> pa.Table:
    """Half of the people like messages: they click, and only they buy more; the other half sometimes opts out. `likes` tells them apart."""
    rng = np.random.default_rng(seed)
    likes = rng.random(people) < 0.5
    arm = rng.integers(0, 3, people)
    treated = arm > 0
    clicks = treated & (arm == 1) & likes & (rng.random(people) < 0.2)
    leaves = treated & ~likes & (rng.random(people) < 0.05)
    orders = rng.random(people) < 0.06 + 0.06 * (treated & likes)
    return pa.table(
        {
            "customer_id": [f"C{n:05d}" for n in range(people)],
            "at": pa.repeat(AT, people),
            "action": np.array(["control", "email:none", "direct_mail:none"])[arm],
            "propensity": np.full(people, 1 / 3),
            "y_orders": orders.astype(float),
            "y_clicks": clicks.astype(float),
            "y_opt_outs": leaves.astype(float),
            "likes": likes + 0.3 * rng.standard_normal(people),
            **{name: rng.standard_normal(people) for name in DULL},
        }
    )


NAMES = ("likes", *DULL)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return _history()


@pytest.fixture(scope="module")
def model(rows: pa.Table) -> answers.Answers:
    return answers.fit(rows, feature_names=NAMES, seed=1)


def test_each_answer_is_told_from_the_features(rows: pa.Table, model: answers.Answers) -> None:
    found = model.extend(rows)
    likes = np.asarray(rows["likes"]) > 0.5
    click, leave = np.asarray(found["click_chance"]), np.asarray(found["opt_out_chance"])
    assert model.columns == ("click_chance", "opt_out_chance", "order_chance")
    assert click[likes].mean() > 5 * click[~likes].mean()
    assert leave[~likes].mean() > 5 * leave[likes].mean()
    assert ((click >= 0) & (click <= 1)).all()


def test_letters_say_nothing_of_clicks(rows: pa.Table, model: answers.Answers) -> None:
    by_mail = np.asarray(rows["y_clicks"])[np.asarray(rows["action"].to_pylist()) == "email:none"]
    assert model.data["rows_with_click"] == int(by_mail.sum())
    click = np.asarray(model.extend(rows)["click_chance"])
    assert click.mean() == pytest.approx(float(by_mail.mean()), rel=0.1)


def test_nobody_s_chance_comes_from_a_model_that_saw_their_own_answer() -> None:
    rows = _history(people=6_000)
    luck = pa.array(np.random.default_rng(5).permutation(np.asarray(rows["y_clicks"])))
    rows = rows.set_column(rows.column_names.index("y_clicks"), "y_clicks", luck)
    chance = np.asarray(answers.fit(rows, feature_names=NAMES, seed=1).extend(rows)["click_chance"])
    treated = np.asarray(rows["action"].to_pylist()) != "control"
    assert abs(np.corrcoef(chance[treated], np.asarray(luck)[treated])[0, 1]) < 0.05


def test_an_answer_that_is_not_recorded_or_rare_gives_no_column(rows: pa.Table) -> None:
    rare = rows.slice(0, 900).drop_columns(["y_opt_outs"])
    nothing = answers.fit(rare, feature_names=NAMES, seed=1)
    assert nothing.columns == ()
    assert nothing.extend(rare).equals(rare)


def test_answers_come_back_from_json_equal(rows: pa.Table, model: answers.Answers) -> None:
    again = answers.from_parameters(json.loads(json.dumps(model.parameters())))
    assert again.version == model.version
    assert again.extend(rows).equals(model.extend(rows))


def test_the_same_rows_in_any_order_give_the_same_answers(rows: pa.Table, model: answers.Answers) -> None:
    shuffled = rows.take(pa.array(np.random.default_rng(2).permutation(rows.num_rows)))
    assert answers.fit(shuffled, feature_names=NAMES, seed=1).version == model.version


def test_effects_are_found_along_the_answers_where_many_features_drown_them(rows: pa.Table, model: answers.Answers) -> None:
    people = model.extend(_history(people=4_000, seed=9))
    true = (np.asarray(people["likes"]) > 0.5) * 0.06

    def agreement(leading: tuple[str, ...]) -> float:
        table = model.extend(rows)
        fitted = uplift.fit(table, outcome="orders", feature_names=(*NAMES, *leading), seed=1, leading=leading)
        effects = fitted.effects(people, ["email:none"])[:, 0]
        return float(np.corrcoef(effects, true)[0, 1]) if fitted.ranking == "found" else 0.0

    assert agreement(model.columns) > max(0.85, agreement(()))


def _own_contacts(*, people: int = 6_000) -> pa.Table:
    """Contacts of own campaigns: everybody clicks twice as often there, because messages come at their hour; no orders are known."""
    rng = np.random.default_rng(11)
    likes = rng.random(people) < 0.5
    return pa.table(
        {
            "customer_id": [f"D{n:05d}" for n in range(people)],
            "at": pa.repeat(AT, people),
            "action": pa.repeat("email:none", people),
            "y_clicks": (likes & (rng.random(people) < 0.4)).astype(float),
            "y_opt_outs": np.zeros(people),
            "likes": likes + 0.3 * rng.standard_normal(people),
            **{name: rng.standard_normal(people) for name in DULL},
        }
    )


def test_contacts_of_own_campaigns_tell_people_apart_where_the_past_test_was_small() -> None:
    small, people = _history(people=4_500), _history(people=4_000, seed=4)
    likes = np.asarray(people["likes"]) > 0.5

    def apart(model: answers.Answers) -> float:
        click = np.asarray(model.extend(people)["click_chance"])
        return float(click[likes].mean() - click[~likes].mean()) / float(click.mean())

    alone = answers.fit(small, feature_names=NAMES, seed=1)
    both = answers.fit(small, feature_names=NAMES, seed=1, touches=_own_contacts())
    assert apart(both) > 1.03 * apart(alone)
    assert both.data["contacts_of_own_campaigns"] == 6_000


def test_chances_stay_those_of_the_past_test_however_well_own_campaigns_were_timed(
    rows: pa.Table, model: answers.Answers
) -> None:
    both = answers.fit(rows, feature_names=NAMES, seed=1, touches=_own_contacts())
    alone, together = (np.asarray(each.extend(rows)["click_chance"]).mean() for each in (model, both))
    assert together == pytest.approx(alone, rel=0.25)
    again = answers.from_parameters(json.loads(json.dumps(both.parameters())))
    assert again.extend(rows).equals(both.extend(rows))


def test_orders_are_never_learned_from_chosen_people(rows: pa.Table) -> None:
    one, other = (answers.fit(rows, feature_names=NAMES, seed=1, touches=touches) for touches in (None, _own_contacts()))
    assert one.data["rows_with_order"] == other.data["rows_with_order"]
