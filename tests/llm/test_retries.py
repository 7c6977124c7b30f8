"""How long to wait and how often, before a provider is asked again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from liftwright.llm.retries import Retry, is_transient, status_of
from liftwright.llm.usage import Usage


class Refused(Exception):
    """An SDK's error with a status and headers."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__("no")
        self.status_code = status
        self.response: Any = type("Response", (), {"status_code": status, "headers": headers or {}})()


def waits(retry: Retry, error: Exception) -> list[float]:
    """The waits of a call that always fails with `error`."""
    slept: list[float] = []

    def fail() -> None:
        raise error

    controller = retry.waiting(lambda: None).copy(sleep=slept.append)
    with pytest.raises(type(error)):
        controller(fail)
    return slept


@given(attempts=st.integers(1, 6), first=st.floats(0.001, 2), longest=st.floats(0.001, 5))
def test_waits_are_bounded_and_one_fewer_than_the_attempts(attempts: int, first: float, longest: float) -> None:
    slept = waits(Retry(attempts=attempts, first_wait=first, longest_wait=longest), Refused(503))
    assert len(slept) == attempts - 1
    assert all(0 <= wait <= longest for wait in slept)


def test_waits_grow() -> None:
    slept = waits(Retry(attempts=5, first_wait=1.0, longest_wait=100.0), Refused(500))
    assert all(later >= earlier for earlier, later in pairwise(slept))
    assert slept[-1] >= 8.0


def test_a_server_may_ask_for_a_longer_wait_but_not_for_ever() -> None:
    retry = Retry(attempts=2, first_wait=0.01, longest_wait=7.0)
    assert waits(retry, Refused(429, {"retry-after": "3"})) == [3.0]
    assert waits(retry, Refused(429, {"retry-after": "9999"})) == [7.0]
    assert waits(retry, Refused(429, {"retry-after": "soon"}))[0] < 1.0


@pytest.mark.parametrize(
    ("status", "is_right"), [(408, True), (429, True), (500, True), (599, True), (400, False), (401, False), (422, False)]
)
def test_statuses_worth_a_retry(status: int, is_right: bool) -> None:
    assert is_transient(Refused(status)) is is_right


def test_a_success_status_on_an_error_is_no_status() -> None:
    assert status_of(Refused(200)) is None
    assert status_of(ValueError()) is None


def test_usage_counts_what_servers_say_and_estimates_the_rest() -> None:
    usage = Usage()
    usage.count(AIMessage("x" * 400))
    usage.count(AIMessage("x", usage_metadata={"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}))
    assert usage.as_json() == {"calls": 2, "input_tokens": 7, "output_tokens": 103, "retries": 0, "failures": 0, "refused": 0}
