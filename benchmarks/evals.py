"""Prompt-evaluation suites: what running a sample costs beside the model. Prints one JSON line.

    python benchmarks/evals.py [--n 1000] [--starts 3] [--inspect-python PATH | --no-peer] [--json]

`liftwright eval run` as a process, on a suite of one goal written `--n` times, whose target answers without any work, graded by one grader, everything stored
(an output and a row of every sample, written when it is done). CPU is user and system of the whole process, by the operating system's count.
`start_cpu_seconds`: of a run of one sample, the median of `--starts`, opening the workspace included, as any suite with a model does; `cpu_ms_per_sample`: what
every further sample adds to the suite, reading it from its file and the summary included. `reading_`: the same with the rules
that read goals as the target, which needs no model and opens no workspace, and four graders. `stored`: samples of which both an output and a row are on disk.

Peer, in the same run: inspect-ai with a model that answers without any work, one exact grader, its log without the live view and 100 samples at a
time (its quickest setting). A sample goes through its model interface there and leaves the whole exchange with its timing; ours calls the target itself and
keeps the typed brief. `inspect_ai` is the peer's CPU per sample over ours, `inspect_ai_start` of the start. It is in the
bench extra; `--inspect-python` names another Python that has it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liftwright.evaluation.suite import evals_folder

SAMPLES = Path(__file__).parent / "samples"
GRADERS = ("fields_right", "nothing_invented", "contradictions_noticed", "missing_noticed")
SUITES = {"trivial": ("at_once", GRADERS[:1]), "reading": ("goal_reading", GRADERS)}


def main() -> None:
    """Measure and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000, help="Samples.")
    parser.add_argument("--starts", type=int, default=3, help="Runs of one sample.")
    parser.add_argument("--inspect-python", default=None, help="A Python that has inspect-ai (default: this one, if it has).")
    parser.add_argument("--no-peer", action="store_true", help="Leave the peer out.")
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liftwright-evals-") as folder:
        ours = measured(Path(folder), given.n, starts=given.starts)
        peer = {"note": "left out"} if given.no_peer else against_inspect(given, Path(folder))
    ratio = {}
    if "cpu_ms_per_sample" in peer:
        ratio["inspect_ai"] = round(peer["cpu_ms_per_sample"] / ours["cpu_ms_per_sample"], 1)
        ratio["inspect_ai_start"] = round(peer["start_cpu_seconds"] / ours["start_cpu_seconds"], 1)
    print(json.dumps({"name": "evals", "n": given.n, "ours": ours, "peers": {"inspect_ai": peer}, "ratio": ratio}))


@dataclass(frozen=True)
class Ran:
    """CPU seconds of a process and of the suite in it, and what it printed."""

    whole: float
    suite: float
    said: dict[str, Any]


def measured(folder: Path, samples: int, *, starts: int) -> dict[str, Any]:
    """Runs of one sample, of all, and of all with a target that works."""
    home = folder / "home"
    one, many = suites(folder / "one", 1), suites(folder / "many", samples)
    begun = [ours(one, "trivial", home) for _ in range(starts)]
    whole = ours(many, "trivial", home)
    rules = costs([ours(one, "reading", home) for _ in range(starts)], ours(many, "reading", home), samples)
    return {
        **costs(begun, whole, samples),
        **{f"reading_{name}": value for name, value in rules.items()},
        "stored": stored(home / "evals" / "trivial" / whole.said["run"]),
        "passed": whole.said["graders"][0]["passed"],
        "verdict": whole.said["verdict"],
    }


def costs(starts: list[Ran], whole: Ran, samples: int) -> dict[str, float]:
    """The median start, and the milliseconds that every sample but the first added to the suite."""
    added = whole.suite - statistics.median(ran.suite for ran in starts)
    start = statistics.median(ran.whole for ran in starts)
    return {"cpu_ms_per_sample": round(1e3 * added / (samples - 1), 3), "start_cpu_seconds": round(start, 2)}


def suites(folder: Path, samples: int) -> Path:
    """An evals folder with the first shipped goal so many times."""
    shipped = (evals_folder() / "datasets" / "goals" / "data.jsonl").read_text(encoding="utf-8")
    case = json.loads(shipped.splitlines()[0])
    data = folder / "datasets" / "same" / "data.jsonl"
    data.parent.mkdir(parents=True)
    lines = [json.dumps({**case, "id": f"s-{number:06d}"}) + "\n" for number in range(samples)]
    data.write_text("".join(lines), encoding="utf-8")
    (folder / "suites").mkdir()
    for name, (target, graders) in SUITES.items():
        suite = {"suite": name, "says": "One goal, again and again.", "target": target, "dataset": "same"}
        text = json.dumps({**suite, "graders": [{"use": grader} for grader in graders]})
        (folder / "suites" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def ours(folder: Path, suite: str, home: Path) -> Ran:
    """`liftwright eval run`."""
    words = ["eval", "run", suite, "--home", str(home), "--json"]
    return process([sys.executable, str(SAMPLES / "ours.py"), str(folder), *words])


def process(command: list[str]) -> Ran:
    """Run to the end, with all it starts; SystemExit where it failed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise SystemExit(f"{command[1]} failed: {ran.stdout[-400:]} {ran.stderr[-800:]}")
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    suite = next(float(line.split()[1]) for line in ran.stderr.splitlines() if line.startswith("suite "))
    return Ran(whole, suite, json.loads(ran.stdout[ran.stdout.index("{") :]))


def stored(run: Path) -> int:
    """Samples that have an output and a row in the files of a run."""
    read = (
        {json.loads(line)["case"] for line in (run / name).read_text().splitlines()}
        for name in ("outputs.jsonl", "results.jsonl")
    )
    outputs, rows = read
    return len(outputs & rows)


def against_inspect(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """The peer's figures, or why there are none."""
    named = given.inspect_python
    if named is None and importlib.util.find_spec("inspect_ai") is None:
        return {"note": "not installed (bench extra)"}

    def run(count: int) -> Ran:
        return process([named or sys.executable, str(SAMPLES / "inspect_samples.py"), str(scratch / "logs"), str(count)])

    starts = [run(1) for _ in range(given.starts)]
    whole = run(given.n)
    return {**costs(starts, whole, given.n), "stored": whole.said["samples"], "accuracy": whole.said["accuracy"]}


if __name__ == "__main__":
    main()
