"""The benchmark of the web pages runs small: the fields of the contract, nothing lost between two processes, and what it counts by is right."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "web.py"
SMALL = ["--rounds", "1", "--clicks", "2", "--reconnects", "10", "--streams", "12", "--seconds", "1", "--no-peer"]
KB, REQUESTS = 40, 8
"""What a first visit may cost at most."""


@pytest.fixture(scope="module")
def streams() -> Iterator[Any]:
    """The module that reads streams."""
    sys.path.insert(0, str(SCRIPT.parent))
    from served import streams

    yield streams
    sys.path.remove(str(SCRIPT.parent))


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    (only,) = subprocess.run(
        [sys.executable, str(SCRIPT), *SMALL], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    line = json.loads(only)
    ours = line["ours"]
    assert (line["name"], line["n"], ours["streams"], ours["got_it"]) == ("web", 12, 12, 12)
    assert {name: ours[name] for name in ("lost", "doubled", "out_of_order", "wrong")} == dict.fromkeys(
        ("lost", "doubled", "out_of_order", "wrong"), 0
    )
    assert ours["reconnects"] == 10
    assert sum(ours["streams_by_worker"]) == 12
    assert 0 < ours["stream_cpu_ms"] < 500
    assert 0 < ours["worst_delay_ms"] < 5_000
    if shutil.which("chromium"):
        assert 0 < ours["first_load_kb"] <= KB
        assert 0 < ours["requests"] <= REQUESTS
        assert ours["from_elsewhere"] == 0
        assert all(0 < ours[f"{kind}_ms"] <= ours[f"{kind}_drawn_ms"] for kind in ("click", "link", "form", "review"))
    else:
        assert "no browser" in ours["note"]
    assert line["peers"]["nicegui"] == {"note": "left out"}


STREAM = 'retry: 1000\n\nid: 1\nevent: talk\ndata: {"what": "a: b"}\n\n: still here\n\nid: 2\ndata: {}\n\nid: 3\ndata: cut o'


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_however_the_text_is_cut_and_a_half_one_is_none(streams: Any, cuts: list[int]) -> None:
    parser, places = streams.Parser(), [0, *sorted(cuts), len(STREAM)]
    found = [one for begin, end in pairwise(places) for one in parser.feed(STREAM[begin:end])]
    assert [(one["id"], one["data"]) for one in found] == [("1", '{"what": "a: b"}'), ("2", "{}")]


@pytest.mark.parametrize(
    ("seen", "lost", "doubled", "out_of_order"),
    [
        ([1, 2, 3], 0, 0, 0),
        ([1, 3], 1, 0, 0),
        ([1, 2, 2, 3], 0, 1, 0),
        ([2, 1, 3], 0, 0, 1),
        ([], 3, 0, 0),
        ([3, 2, 1, 3], 0, 1, 2),
    ],
)
def test_what_is_lost_doubled_or_out_of_order_is_counted(
    streams: Any, seen: list[int], lost: int, doubled: int, out_of_order: int
) -> None:
    good = streams.Reader("t-0", seen=[1, 2, 3])
    bad = streams.Reader("t-1", seen=seen, wrong=1)
    assert streams.tally([good, bad], 3) == {"lost": lost, "doubled": doubled, "out_of_order": out_of_order, "wrong": 1}
