"""serve."""

from __future__ import annotations

from typing import Any

import click

from liftwright.cli.workspace import Workspace, command


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
    from liftwright.api.app import create

    deps = workspace.deps()
    if workers == 1:
        uvicorn.run(create(lambda: deps), host=host, port=port, log_level="info", log_config=logs.config())
        return
    if workspace.at is not None:
        os.environ["LIFTWRIGHT_NOW"] = workspace.at.isoformat()
    os.environ["LIFTWRIGHT_HOME"] = str(deps.settings.home.resolve())
    told: dict[str, Any] = {"host": host, "port": port, "log_level": "info", "log_config": logs.config()}
    uvicorn.run("liftwright.api.app:of_home", factory=True, workers=workers, **told)
