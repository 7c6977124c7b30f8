"""The house keeps its own rules: floors, sizes, names, and a README whose every command runs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "liftwright"
FILES = sorted(SOURCE.rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))
MOST_LINES = 300
MOST_FUNCTION_LINES = 40
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "stuff", "base_utils"}
ROOMS = {
    "cli", "api", "evaluation", "wiring", "store", "channels", "llm", "memory", "library", "world", "flow", "agents",
    "audience", "scoring", "content", "planning", "compliance", "measurement", "ports", "settings", "domain",
}  # fmt: skip
UNFINISHED = re.compile(r"\b(?:TODO|FIXME)\b|/(?:home|root|Users)/\w+")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_tree_has_exactly_the_rooms_of_the_architecture() -> None:
    found = {p.stem for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found - {"__init__"} == ROOMS


@pytest.mark.slow
def test_imports_only_go_down_and_adapters_know_only_ports() -> None:
    result = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


def _imported(tree: ast.AST) -> set[str]:
    """Modules imported at run time, wherever in the file; what stands under TYPE_CHECKING is only a name."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        found |= _imported(node)
    return found


def test_only_wiring_chooses_adapters() -> None:
    adapters = ("store", "channels", "llm", "memory", "library", "world")
    for path in FILES:
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room in (*adapters, "wiring"):
            continue
        imported = _imported(ast.parse(path.read_text(encoding="utf-8")))
        wrong = {name for name in imported for adapter in adapters if f"{name}.".startswith(f"liftwright.{adapter}.")}
        assert not wrong, f"{_name(path)}: {wrong}"


@pytest.mark.parametrize("path", FILES + TEST_FILES, ids=_name)
def test_files_stay_readable_in_one_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{node.name} has {length} lines"


def test_no_file_has_a_name_that_says_nothing() -> None:
    for path in FILES + TEST_FILES:
        assert not {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} & FORBIDDEN_NAMES, _name(path)


def test_every_room_says_what_lives_there() -> None:
    for path in FILES:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring, f"{_name(path)} has no docstring"


def test_public_functions_and_classes_are_documented() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{_name(path)}: {node.name} has no docstring"


def test_nothing_is_left_unfinished_and_no_file_names_somebodys_folder() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\n"):
        path = ROOT / name
        if not name or path.suffix in (".png", ".gz", ".parquet") or path == Path(__file__) or not path.is_file():
            continue
        found = UNFINISHED.search(path.read_text(encoding="utf-8"))
        assert not found, f"{name}: {found and found.group()}"


def test_the_lock_pins_every_package_by_hash_and_names_no_address() -> None:
    for lock in ("requirements.lock", "requirements-weights.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--index|--extra-index", text)


@pytest.mark.slow
def test_help_is_fast_because_slow_imports_stay_out() -> None:
    code = (
        "import sys, resource; sys.argv = ['liftwright', '--help']\n"
        "try:\n from liftwright.cli import main; main()\nexcept SystemExit: pass\n"
        "u = resource.getrusage(resource.RUSAGE_SELF); print('CPU', u.ru_utime + u.ru_stime)\n"
        "print('LOADED', sorted({'langchain_core', 'langgraph', 'chromadb', 'numpy', 'duckdb', 'pyarrow', 'sqlmodel'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "LOADED []" in result.stdout
    assert "Usage: liftwright" in result.stdout or "Usage:" in result.stdout


def _readme_commands() -> list[str]:
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith("#")]


def test_readme_shows_the_two_commands_that_set_everything_up() -> None:
    assert _readme_commands()[:2] == ["make demo", "make test"]


@pytest.mark.slow
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    """`make test` is this very run and `make demo` the demo test's; every other line is executed here, in order, in one workspace."""
    env_path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    variables: dict[str, str] = {}
    for command in [c for c in _readme_commands() if not c.startswith("make ")]:
        filled = command.replace("CAMPAIGN", variables.get("CAMPAIGN", "CAMPAIGN")).replace("HASH", variables.get("HASH", "HASH"))
        filled = filled.replace("PERSON", variables.get("PERSON", "PERSON"))
        started = time.time()
        result = subprocess.run(
            ["bash", "-c", filled],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": env_path, "HOME": str(tmp_path)},
        )
        assert result.returncode == 0, f"{filled}\n{result.stdout[-1500:]}\n{result.stderr[-1500:]}"
        assert time.time() - started < 300
        variables |= _found_in(result.stdout)


def _found_in(text: str) -> dict[str, str]:
    patterns = {"CAMPAIGN": r"\b(c-[0-9a-z-]{6,})\b", "HASH": r"(sha256:[0-9a-f]{64})", "PERSON": r"\b(C\d{6,}|row-\d+)\b"}
    found = {name: re.search(pattern, text) for name, pattern in patterns.items()}
    return {name: match.group(1) for name, match in found.items() if match}
