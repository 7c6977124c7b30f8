"""serve, mcp."""

from __future__ import annotations

from typing import Any

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.errors import ConfigError


@command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes; any of them serves any page."
)
def serve_command(workspace: Workspace, host: str, port: int, workers: int) -> None:
    """Web pages and the HTTP API on this machine; /openapi.json describes the latter."""
    import os

    import uvicorn

    from liftwright.api import logs
    from liftwright.api.app import create, following

    deps = workspace.deps()
    if workers == 1:
        app = create(following(deps, workspace.deps), bound=host)
        uvicorn.run(app, host=host, port=port, log_level="info", log_config=logs.config())
        return
    if workspace.at is not None:
        os.environ["LIFTWRIGHT_NOW"] = workspace.at.isoformat()
    os.environ["LIFTWRIGHT_HOME"] = str(deps.settings.home.resolve())
    os.environ["LIFTWRIGHT_BOUND"] = host
    told: dict[str, Any] = {"host": host, "port": port, "log_level": "info", "log_config": logs.config()}
    uvicorn.run("liftwright.api.app:of_home", factory=True, workers=workers, **told)


@command(name="mcp")
@click.option(
    "--as",
    "by",
    default="",
    envvar="LIFTWRIGHT_USER",
    metavar="USER",
    help="Whose name goals and decisions carry; a decision also needs LIFTWRIGHT_KEY.",
)
def mcp_command(workspace: Workspace, by: str) -> None:
    """Tools for other agents over standard input and output (Model Context Protocol): look, plan, ask. Nothing is executed."""
    from liftwright import wiring

    try:
        from liftwright.api.mcp import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise ConfigError(
            "MCP-MISSING", "The MCP parts are not installed.", next_step='Install them: pip install "liftwright[mcp]".'
        ) from error
    deps = workspace.deps()
    server.run(deps, by=by, veil=wiring.veil(deps))
