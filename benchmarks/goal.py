"""From a goal typed in the browser to a plan that waits for approval, over a real server. Prints one JSON line.

    python benchmarks/goal.py [--n 20000] [--goals 3] [--home DIR] [--json]

A simulated market of `--n` people after its first night (`liftwright market`), one server process, the scripted model, real Chromium. Each goal is typed on
the first page. `cpu_seconds`: CPU of the server from the click on until the plan waits (the mean; `cpu_seconds_most` the worst); `progress_seconds`: from the click until the page shows an
agent at work (the worst); `wall_seconds`: until the plan is on the page (the mean). Nothing is drawn without Chromium: then the line says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from served.browser import CHROMIUM, chromium
from served.running import Server, free_port, serving

COMMAND = [sys.executable, "-c", "from liftwright.cli import main; main()"]
GOALS = (
    "Sell more shoes over the next 14 days, 2,000 budget, keep margin above 35%",
    "Bring back 50 lapsed customers within 3 weeks, no discounts, budget 500",
    "Sell more over the next 10 days by e-mail, budget 900",
)
LONGEST_MS = 120_000
AT_WORK = ".agents .working, .agents .done"


def main() -> None:
    """Run it and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--goals", type=int, default=3)
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liftwright-goal-") as folder:
        home = given.home or made(Path(folder) / "home", given.n)
        ours = measured(home, Path(folder) / "server.log", goals=given.goals) if CHROMIUM else {"skipped": "no Chromium"}
    print(json.dumps({"name": "goal", "n": given.n, "ours": ours, "peers": {}, "ratio": {}}))


def made(home: Path, people: int) -> Path:
    """A simulated market after its first night."""
    subprocess.run([*COMMAND, "market", "--customers", str(people), "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
    return home


def measured(home: Path, log: Path, *, goals: int) -> dict[str, Any]:
    """Type the goals, one after the other."""
    port = free_port()
    with serving([*COMMAND, "serve", "--home", str(home), "--port", str(port)], port, log) as server, chromium() as browser:
        page = browser.new_page(base_url=server.url)
        page.set_default_timeout(LONGEST_MS)
        runs = [_typed(page, GOALS[number % len(GOALS)], server) for number in range(goals)]
    cpu, progress, wall = zip(*runs, strict=True)
    return {
        "cpu_seconds": round(sum(cpu) / len(cpu), 2),
        "cpu_seconds_most": round(max(cpu), 2),
        "progress_seconds": round(max(progress), 3),
        "wall_seconds": round(sum(wall) / len(wall), 2),
        "goals": goals,
    }


def _typed(page: Page, goal: str, server: Server) -> tuple[float, float, float]:
    """CPU seconds, and seconds until progress and until the plan."""
    page.goto("/")
    page.get_by_label("Business goal or question").fill(goal)
    before, begun = server.cpu_ms(), time.perf_counter()
    page.get_by_role("button", name="Plan it").click()
    page.wait_for_selector(AT_WORK)
    progress = time.perf_counter() - begun
    page.get_by_role("link", name="Review and decide").wait_for()
    return (server.cpu_ms() - before) / 1e3, progress, time.perf_counter() - begun


if __name__ == "__main__":
    main()
