"""Lessons and models: found by key, replaced by id, kept whole."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from liftwright.domain.errors import ConfigError, DataError
from liftwright.domain.evidence import Estimate, Lesson, ModelCard
from liftwright.store.lessons import SqlLessons
from liftwright.store.models import SqlModels


@pytest.fixture
def lessons(engine) -> SqlLessons:
    return SqlLessons(engine)


@pytest.fixture
def models(engine) -> SqlModels:
    return SqlModels(engine)


def _lesson(make, lesson_id: str, **changes: object) -> Lesson:
    values = {
        "lesson_id": lesson_id,
        "campaign_id": "c1",
        "says": "E-mail moved lapsed customers.",
        "scope": {"channel": "email", "segment": "lapsed"},
        "evidence_id": "e1",
        "estimate": Estimate(metric="margin", low=0.1, mid=0.2, high=0.3),
        "learned_at": make.now,
        "expires_at": make.now + timedelta(days=365),
    }
    return Lesson(**{**values, **changes})


def _card(model: str = "uplift", **changes: object) -> ModelCard:
    values = {
        "model": model,
        "version": "unsaved",
        "optimises": "margin",
        "data": {"rows": 10},
        "quality": {"qini": 0.1},
        "breaks_when": ("prices change",),
        "turn_off": "liftwright model off uplift",
        "cadence": "weekly",
    }
    return ModelCard(**{**values, **changes})


def test_lessons_in_force_are_found_newest_first(lessons, make):
    older, newer = _lesson(make, "a"), _lesson(make, "b", learned_at=make.now + timedelta(days=1))
    for lesson in (older, newer):
        lessons.save(lesson)
    assert lessons.find(now=make.now + timedelta(days=2)) == [newer, older]


def test_expired_retired_and_future_lessons_are_not_found(lessons, make):
    lessons.save(_lesson(make, "expired", expires_at=make.now))
    lessons.save(_lesson(make, "retired", is_retired=True))
    lessons.save(_lesson(make, "future", learned_at=make.now + timedelta(seconds=1)))
    assert lessons.find(now=make.now) == []


def test_a_scope_must_be_named_whole_by_the_lesson(lessons, make):
    lesson = _lesson(make, "a")
    lessons.save(lesson)
    assert lessons.find(now=make.now, scope={"channel": "email"}) == [lesson]
    assert lessons.find(now=make.now, scope={"channel": "sms"}) == []
    assert lessons.find(now=make.now, scope={"channel": "email", "offer": "none"}) == []


def test_a_lesson_saved_again_replaces_itself(lessons, make):
    lessons.save(_lesson(make, "a"))
    lessons.save(_lesson(make, "a", says="It did not last."))
    assert [lesson.says for lesson in lessons.find(now=make.now)] == ["It did not last."]


def test_a_model_comes_back_under_the_digest_of_its_content(models, make):
    parameters = {"weights": np.array([0.1, -2.5e-17]), "trees": 3, "names": ["a"]}
    version = models.save(_card(), parameters, now=make.now)
    card, found = models.load("uplift")
    assert (card, found) == (_card(version=version), {"weights": [0.1, -2.5e-17], "trees": 3, "names": ["a"]})
    assert models.save(_card(), {**found, "weights": tuple(found["weights"])}, now=make.now) == version
    assert models.save(_card(), {**found, "trees": 4}, now=make.now) != version


def test_the_newest_version_is_the_one_saved_last_and_older_ones_stay(models, make):
    first = models.save(_card(), {"a": 1}, now=make.now)
    second = models.save(_card(), {"a": 2}, now=make.now)
    assert models.load("uplift")[0].version == second
    assert models.load("uplift", first)[1] == {"a": 1}
    models.save(_card(), {"a": 1}, now=make.now)
    assert models.load("uplift")[0].version == first
    assert models.load("uplift", "nobody") is None
    assert models.load("nobody") is None


def test_every_version_keeps_its_card_and_the_current_one_comes_first(models, make):
    first = models.save(_card(cadence="at first"), {"a": 1}, now=make.now)
    second = models.save(_card(cadence="later"), {"a": 2}, now=make.now)
    assert [card.version for card in models.versions()] == [second, first]
    models.save(_card(cadence="again"), {"a": 1}, now=make.now)
    assert [card.model_id for card in models.versions()] == [f"uplift@{first}", f"uplift@{second}"]
    assert models.load("uplift", first)[0].cadence == "at first"


def test_cards_are_one_per_model(models, make):
    for model, value in (("uplift", 1), ("propensity", 1), ("uplift", 2)):
        models.save(_card(model), {"a": value}, now=make.now)
    cards = models.cards()
    assert [card.model for card in cards] == ["propensity", "uplift"]
    assert cards[1].version == models.load("uplift")[0].version


def test_a_model_switched_off_stays_off_when_it_is_trained_again(models, make, store):
    first = models.save(_card(), {"a": 1}, now=make.now)
    models.switch("uplift", "off", by="anna", now=make.now)
    models.save(_card(), {"a": 2}, now=make.now)
    assert [models.load("uplift")[0].state, models.load("uplift", first)[0].state] == ["off", "off"]
    models.switch("uplift", "on", by="anna", now=make.now)
    assert [card.state for card in models.cards()] == ["on"]
    assert [(entry.actor, entry.detail["after"]) for entry in store.journal.entries(subject="uplift")] == [
        ("anna", "off"),
        ("anna", "on"),
    ]


def test_a_model_that_does_not_exist_cannot_be_switched(models, make):
    models.save(_card(), {}, now=make.now)
    with pytest.raises(ConfigError, match="Did you mean 'uplift'"):
        models.switch("uplfit", "off", by="anna", now=make.now)


def test_parameters_changed_behind_its_back_are_refused(models, make, engine):
    models.save(_card(), {"weight": 1.5}, now=make.now)
    with engine.begin() as connection:
        connection.execute(text("UPDATE models SET parameters = replace(parameters, '1.5', '9.5')"))
    with pytest.raises(DataError, match="MODEL-TAMPERED"):
        models.load("uplift")


@pytest.mark.parametrize("value", [float("nan"), np.array([np.inf]), object()])
def test_parameters_that_are_no_numbers_are_refused(models, make, value):
    with pytest.raises(DataError, match="MODEL-NUMBERS"):
        models.save(_card(), {"weight": value}, now=make.now)
    assert models.cards() == []
