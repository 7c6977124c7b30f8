"""One side against another: hard graders first, then the interval against the margin; what is left out is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftwright.domain.errors import ConfigError
from liftwright.evaluation import told
from liftwright.evaluation.comparing import Comparison
from liftwright.evaluation.gating import compared
from stored_runs import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def against(place: Place, before: str, now: str) -> Comparison:
    return compared("small", before, now, home=place.home, folder=place.folder)


@pytest.mark.parametrize(
    ("before", "now", "verdict", "rule"),
    [
        (0, 0, "non_inferior", "no score changed; of 60 cases without a loss, up to 5.0% may still be lost"),
        (10, 0, "better", "is above zero"),
        (2, 0, "non_inferior", "is above the margin of -2.0"),
        (0, 2, "inconclusive", "leaves it open; about"),
        (0, 10, "worse", "is below zero and reaches the margin of -2.0"),
    ],
)
def test_the_interval_decides_against_the_margin(place: Place, before: int, now: int, verdict: str, rule: str) -> None:
    first, second = place.store(place.cases[:before]), place.store(place.cases[:now])
    found = against(place, first, second)
    assert (found.verdict, found.passed, found.same) == (verdict, (60 - before, 60 - now), 60 - before - now)
    assert rule in found.rule
    assert (found.more_cases > 0) == (verdict == "inconclusive")
    assert [flip.case for flip in found.regressed] == place.cases[:now]


def test_one_new_failure_of_a_hard_grader_is_worse_whatever_else_got_better(place: Place) -> None:
    found = against(place, place.store(place.cases[:20]), place.store(invented=["c59"]))
    assert found.quality.low > 0
    assert found.verdict == "worse"
    assert found.rule == "nothing_invented must hold in every case, and 1 case that passed it before failed it now: c59"
    assert found.graders[0].grader == "nothing_invented"
    text = "\n".join(told.lines(found))
    assert text.index("HARD      nothing_invented: c59") < text.index("regressed c59") < text.index("improved  c00")


def test_a_hard_failure_that_was_there_before_is_no_news(place: Place) -> None:
    assert against(place, place.store(invented=["c59"]), place.store(invented=["c59"])).verdict == "non_inferior"
    assert against(place, place.store(invented=["c59"]), place.store()).verdict == "non_inferior"


def test_a_grader_without_a_gate_is_shown_and_decides_nothing(place: Place) -> None:
    found = against(place, place.store(), place.store(unnoticed=place.cases))
    assert (found.verdict, found.regressed) == ("non_inferior", ())
    assert found.graders[-1].difference.high < 0


def test_a_case_is_the_mean_of_its_epochs_and_counts_once(tmp_path: Path) -> None:
    place = Place(tmp_path, epochs=4)
    found = against(place, place.store(epochs=4), place.store(place.cases[:24], epochs=4, first=4))
    assert (found.quality.cases, found.quality.units, found.quality.changed) == (60, 60, 24)
    assert found.quality.mid == pytest.approx(-24 / 60 / 4)
    assert len(found.regressed) == 24, "a case is right when it is right every time"


@pytest.mark.parametrize(
    ("clusters", "units", "says"),
    [
        (60, 60, "Cases are taken as independent."),
        (12, 12, "Resampled by cluster: 12 of them."),
        (9, 60, "Too few clusters to resample (9; it takes 10)"),
    ],
)
def test_clusters_are_resampled_where_there_are_ten_and_it_is_said_where_there_are_not(
    tmp_path: Path, clusters: int, units: int, says: str
) -> None:
    place = Place(tmp_path, clusters=clusters)
    found = against(place, place.store(), place.store(place.cases[:3]))
    assert found.quality.units == units
    assert found.notes[0].startswith(says)
    assert says in "\n".join(told.lines(found))


def test_failures_of_one_cluster_are_weaker_evidence_than_as_many_alone(tmp_path: Path) -> None:
    alone, together = Place(tmp_path / "a"), Place(tmp_path / "b", clusters=12)
    failed = [case for number, case in enumerate(alone.cases) if number % 12 in (0, 1)]
    assert against(alone, alone.store(), alone.store(failed)).verdict == "worse"
    assert against(together, together.store(), together.store(failed)).verdict == "inconclusive"


def test_cost_and_latency_stand_beside_quality_with_their_intervals(place: Place) -> None:
    found = against(place, place.store(tokens=100), place.store(tokens=150))
    by = {each.what: each for each in found.took}
    assert (by["tokens"].before, by["tokens"].now, by["tokens"].ratio) == (100, 150, pytest.approx((1.5, 1.5, 1.5)))
    assert by["seconds"].now_p95 == 0.5
    assert "x 1.50 (1.50 to 1.50)" in "\n".join(told.lines(found))
    assert against(place, place.store(tokens=0), place.store(tokens=0)).took[1].ratio is None


def test_what_only_one_side_judged_is_left_out_and_said(place: Place) -> None:
    found = against(place, place.store(), place.store(cases=50))
    assert found.quality.cases == 50
    assert found.notes[-1] == "10 cases that only one side judged are left out; 50 are compared."


def test_sides_that_judged_other_data_are_not_compared(place: Place) -> None:
    first = place.store()
    place.write_cases(dict.fromkeys(place.cases, "other"))
    with pytest.raises(ConfigError, match="did not judge the same cases"):
        against(place, first, place.store())
    with pytest.raises(ConfigError, match="did not judge the same cases"):
        against(place, place.store(), place.store(cases=0))


@pytest.mark.parametrize("name", ["0009", "-1", "../../etc", "", "latest", "9" * 5000])
def test_a_run_there_is_not_is_named_with_those_there_are(place: Place, name: str) -> None:
    run = place.store()
    with pytest.raises(ConfigError, match="There is no run") as error:
        against(place, run, name)
    assert error.value.next_step == "Use one of: 0001."
    assert len(str(error.value)) < 200
    with pytest.raises(ConfigError, match="has no baseline yet"):
        against(place, "baseline", run)


def test_the_same_runs_give_the_same_words_and_a_short_number_will_do(place: Place) -> None:
    place.store(place.cases[:4])
    place.store(place.cases[2:9])
    assert against(place, "0001", "0002") == against(place, "1", "2")


def test_many_flips_are_counted_and_what_a_model_said_moves_no_cursor(place: Place) -> None:
    found = against(place, place.store(), place.store(place.cases, reason="\x1b[2Jboo\r\nnext"))
    text = list(told.lines(found))
    assert sum(line.startswith("  regressed") for line in text) == told.MOST + 1
    assert "  regressed and 30 more" in text
    assert all(line.isprintable() for line in text)
