"""When nothing is planned, the words say whether the past test shows that contacts do not pay, or shows nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fake_bench import OBJECTIVE

from liftwright.agents.bench import words

NOTHING: Any = SimpleNamespace(solution=SimpleNamespace(candidates=pa.table({"customer_id": pa.array([], pa.string())})))


def said(mean: float, error: float, *, is_tested: bool = True) -> str:
    data: Any = SimpleNamespace(
        actions=("email:none", "sms:none"), channels=("email", "sms"), rows=pa.table({"action": ["control"] * 1_200})
    )
    values = np.full((5, 2), mean) + np.array([0.0, 9.0])
    effects = SimpleNamespace(is_tested=is_tested, values=values, average_errors=np.array([error, error]))
    scores: Any = SimpleNamespace(effects=effects)
    return words.why_nothing(data, scores, OBJECTIVE, NOTHING)


def test_a_test_that_is_too_small_is_called_too_small() -> None:
    text = said(-0.04, 0.14)
    assert "email:none did best: -0.040 margin per person before its cost, 90 % interval -0.270 to +0.190" in text
    assert "1,200 randomised cases" in text
    assert "too small to tell" in text


@pytest.mark.parametrize(("mean", "is_tested"), [(-0.5, True), (-0.04, False)])
def test_a_clear_result_and_an_untested_shop_are_not(mean: float, is_tested: bool) -> None:
    assert "too small" not in said(mean, 0.14, is_tested=is_tested)
    assert "doing nothing is the better plan" in said(mean, 0.14, is_tested=is_tested)
