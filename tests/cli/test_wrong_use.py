"""Wrong use ends with exit code 2 (or 1 for a no) and one line on standard error that says what to do; help is everywhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import plain_shop
from liftwright import __version__
from liftwright.cli.root import COMMANDS, liftwright

Run = Callable[..., Any]
GROUPS = {
    "person": ("export", "erase"),
    "autonomy": ("show", "history", "propose", "sign", "refuse", "drill"),
    "policy": (
        "test",
        "coverage",
        "mutants",
        "hash",
        "check",
        "explain",
        "diff",
        "waive",
        "waive-approve",
        "waive-revoke",
        "waivers",
    ),
    "journal": ("verify", "seal", "keys"),
    "identity": ("show", "split", "join"),
    "leads": ("score",),
    "users": ("list", "add", "key", "revoke-keys", "recover", "sign-in", "sign-out"),
    "lessons": ("list", "show", "retire", "cells"),
    "model": ("list", "card", "on", "off", "train", "drift"),
    "eval": ("list", "run", "compare", "gate", "baseline", "judge", "export", "view"),
}
ALL = [(name,) for name in COMMANDS] + [(group, name) for group, names in GROUPS.items() for name in names]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    found = CliRunner().invoke(liftwright, [*words, "--help"])
    assert found.exit_code == 0
    assert found.stdout.startswith(f"Usage: liftwright {' '.join(words)}")
    assert found.stderr == ""
    if words[0] not in GROUPS or len(words) == 2:
        assert "--home" in found.stdout
        assert "--json" in found.stdout


def test_the_list_of_commands_names_every_command_once() -> None:
    found = CliRunner().invoke(liftwright, ["--help"])
    listed = [line.split()[0] for line in found.stdout.split("Commands:")[1].splitlines() if line[:3].strip(" ") and line.strip()]
    assert listed == list(COMMANDS)


def test_version() -> None:
    assert __version__ in CliRunner().invoke(liftwright, ["--version"]).stdout


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("plann",), "liftwright --help"),
        (("--nope",), "liftwright --help"),
        (("plan",), "liftwright plan --help"),
        (("plan", "two", "goals"), "liftwright plan --help"),
        (("list", "--nope"), "liftwright list --help"),
        (("import", "x.csv"), "customers, events"),
        (("import", "x.csv", "--as", "people"), "'customers'"),
        (("approve", "c-1", "--as", "me"), "--hash"),
        (("approve", "c-1", "--hash", "x"), "--as"),
        (("reject", "c-1", "--hash", "x", "--as", "me"), "--reason"),
        (("export", "c-1", "--what", "everything", "--to", "x.csv"), "'assignment'"),
        (("worker", "--limit", "0"), "--limit"),
        (("demo", "--customers", "none"), "--customers"),
        (("demo", "--days", "0"), "--days"),
        (("eval", "start"), "liftwright eval --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(run: Run, words: tuple[str, ...], hint: str) -> None:
    said = run(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.complaint.startswith("liftwright: USAGE: ")
    assert hint in said.complaint


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "c-nosuch"), "CAMPAIGN-UNKNOWN"),
        (("show", "c-nosuch", "--json"), "CAMPAIGN-UNKNOWN"),
        (("report", "c-nosuch"), "CAMPAIGN-UNKNOWN"),
        (("tick", "c-nosuch"), "CAMPAIGN-UNKNOWN"),
        (("chat", "c-nosuch"), "CAMPAIGN-UNKNOWN"),
        (("stop", "c-nosuch", "--as", "me", "--reason", "x"), "CAMPAIGN-UNKNOWN"),
        (("approve", "c-nosuch", "--hash", "x", "--as", "me"), "CAMPAIGN-UNKNOWN"),
        (("why", "c-nosuch", "C000001"), "CAMPAIGN-UNKNOWN"),
        (("export", "c-nosuch", "--what", "sends", "--to", "x.csv"), "CAMPAIGN-UNKNOWN"),
        (("policy", "check", "c-nosuch"), "CAMPAIGN-UNKNOWN"),
        (("model", "card", "nosuch"), "MODEL-UNKNOWN"),
        (("eval", "run", "nosuch"), "EVAL-SUITE"),
        (("plan", "Sell more shoes"), "DATA-NONE"),
        (("plan", "  "), "GOAL-EMPTY"),
        (("import", "nosuch.csv", "--as", "customers"), "IMPORT-FILE"),
        (("import", ".", "--as", "customers"), "IMPORT-FILE"),
        (("import", "x.csv", "--as", "customers", "--map", "nosuch.yaml"), "MAP-FILE"),
        (("list", "--now", "yesterday"), "TIME"),
        (("list", "--now", "2026-11-02"), "TIME"),
        (("list", "--home", "/proc/nowhere/home"), "CONFIG-HOME"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_one_line_with_a_code_and_a_next_step(run: Run, words: tuple[str, ...], code: str) -> None:
    said = run(*words)
    assert said.code == 2, said.err
    assert said.out == ("" if words[0] != "chat" else said.out)
    line = said.err.splitlines()[-1]
    assert line.startswith(f"liftwright: {code}: ")
    assert line.endswith(".")
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("nonsense", "EDIT-FORM"),
        ("=3", "EDIT-FORM"),
        ("a.b=1", "EDIT-PATH"),
        ("plan_hash=x", "EDIT-PATH"),
        ("objective.budget=lots", "EDIT-VALUE"),
        ("objective.budget=100 EUR", "EDIT-VALUE"),
        ("objective.ends_on=2026-10-01", "EDIT-VALUE"),
        ("channels=pigeon", "EDIT-VALUE"),
        ("offers=free90", "EDIT-VALUE"),
        ("experiment.holdout_share=0", "EDIT-VALUE"),
        ("limits.touches=1000", "EDIT-VALUE"),
    ],
)
def test_a_bad_change_is_refused_before_anything_is_solved(
    run: Run, planned: tuple[Path, str, str], change: str, code: str
) -> None:
    home, campaign, plan_hash = planned
    said = run("edit", campaign, "--set", change, "--as", "me", "--home", home)
    assert said.code == 2
    assert said.complaint.startswith(f"liftwright: {code}: ")
    deps = plain_shop.open_shop(home)
    waiting = deps.approvals.pending(campaign)
    plain_shop.close(deps)
    assert waiting is not None
    assert waiting.plan_hash == plan_hash


def test_a_bad_what_if_is_refused_too(run: Run, planned: tuple[Path, str, str]) -> None:
    home, campaign, _ = planned
    said = run("whatif", campaign, "--set", "objective.metric=fame", "--home", home)
    assert said.code == 2
    assert said.complaint.startswith("liftwright: EDIT-PATH: ")
    assert "objective.budget" in said.complaint


def test_an_unreadable_file_changes_nothing(run: Run, shop: Path, tmp_path: Path) -> None:
    before = run("import", shop / "files" / "customers.csv", "--as", "customers", "--home", shop, "--json").data
    noise = tmp_path / "noise.csv"
    noise.write_bytes(bytes(range(256)) * 4)
    said = run("import", noise, "--as", "customers", "--home", shop, "--json")
    assert said.code == 2
    assert said.complaint.startswith("liftwright: ")
    after = run("import", shop / "files" / "customers.csv", "--as", "customers", "--home", shop, "--json").data
    assert after["snapshot_id"] == before["snapshot_id"]


def test_an_unknown_setting_names_the_nearest_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "liftwright.toml").write_text('curency = "USD"\n', encoding="utf-8")
    said = run("list")
    assert said.code == 2
    assert said.complaint.startswith("liftwright: CONFIG-KEY: ")
    assert "currency" in said.complaint


def test_debug_adds_the_trace_and_keeps_the_line(run: Run) -> None:
    said = run("show", "c-nosuch", "--debug")
    assert "Traceback" in said.err
    assert said.err.splitlines()[-1].startswith("liftwright: CAMPAIGN-UNKNOWN: ")


@pytest.mark.slow
def test_the_installed_command_speaks_the_same_way(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "liftwright"), "plan"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr == "liftwright: USAGE: Missing argument 'GOAL'. See `liftwright plan --help`.\n"
