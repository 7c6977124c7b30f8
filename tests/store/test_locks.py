"""Locks: one holder per name, over threads and processes; a dead holder's lock falls free."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from liftwright.domain.errors import ConfigError
from liftwright.store.locks import SqlLocks


@pytest.fixture
def locks(engine, tmp_path) -> SqlLocks:
    return SqlLocks(engine, tmp_path, seconds=0.2)


def _hold(locks: SqlLocks, name: str) -> str:
    with locks.hold(name):
        return "held"


def test_a_lock_is_held_by_one_and_free_afterwards(locks):
    with locks.hold("c1"), pytest.raises(ConfigError) as refused:
        asyncio.run(asyncio.to_thread(_hold, locks, "c1"))
    assert refused.value.code == "LOCK-BUSY"
    assert _hold(locks, "c1") == "held"


def test_locks_of_other_names_do_not_matter(locks):
    with locks.hold("c1"), locks.hold("c1/../c 2"), locks.hold("c1:tick:1"):
        assert _hold(locks, "c2") == "held"


def test_a_lock_falls_free_when_the_block_fails(locks):
    with pytest.raises(ZeroDivisionError), locks.hold("c1"):
        raise ZeroDivisionError
    assert _hold(locks, "c1") == "held"


def test_who_waits_gets_the_lock_as_soon_as_it_is_free(engine, tmp_path):
    locks, order = SqlLocks(engine, tmp_path, seconds=20), []

    def _wait() -> None:
        with locks.hold("c1"):
            order.append("second")

    thread = threading.Thread(target=_wait)
    with locks.hold("c1"):
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]


@pytest.mark.slow
def test_a_process_that_is_killed_holds_nothing(locks, second_process, tmp_path):
    process = second_process("hold", name="c1", home=str(tmp_path))
    process.go()
    assert process.line() == "held"
    with pytest.raises(ConfigError, match="LOCK-BUSY"):
        _hold(locks, "c1")
    process.kill()
    assert _hold(locks, "c1") == "held"


async def test_a_second_task_of_the_same_loop_is_refused_at_once(engine, tmp_path):
    locks = SqlLocks(engine, tmp_path, seconds=20)
    began = time.monotonic()
    with locks.hold("c1"):
        await asyncio.sleep(0)
        with pytest.raises(ConfigError, match="LOCK-BUSY"), locks.hold("c1"):
            pass
    assert time.monotonic() - began < 5
    with locks.hold("c1"):
        pass


async def test_a_task_that_waits_in_a_thread_lets_the_holder_finish(engine, tmp_path):
    locks = SqlLocks(engine, tmp_path, seconds=20)
    order: list[str] = []

    async def _task(name: str) -> None:
        held = locks.hold("c1")
        await asyncio.to_thread(held.__enter__)
        try:
            order.append(f"{name} in")
            await asyncio.sleep(0.05)
            order.append(f"{name} out")
        finally:
            held.__exit__(None, None, None)

    await asyncio.gather(_task("a"), _task("b"))
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
