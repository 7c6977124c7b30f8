"""`mcp` where it cannot start: one line that says what to do, and nothing on standard output, which is the protocol's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("package", ["mcp", "mcp_types"])
def test_without_its_parts_it_says_how_to_install_them(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str
) -> None:
    for name in [name for name in sys.modules if name.startswith(("mcp", "liftwright.api.mcp"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    said = run("mcp", "--home", tmp_path)
    assert (said.code, said.out) == (2, "")
    assert (
        said.complaint == 'liftwright: MCP-MISSING: The MCP parts are not installed. Install them: pip install "liftwright[mcp]".'
    )


def test_a_workspace_that_cannot_be_opened_is_said_before_anything_is_served(run: Callable[..., Any]) -> None:
    said = run("mcp", "--home", "/proc/nowhere/home")
    assert (said.code, said.out) == (2, "")
    assert said.complaint.startswith("liftwright: CONFIG-HOME: ")
