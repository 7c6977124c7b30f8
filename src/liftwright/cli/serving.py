"""serve."""

from __future__ import annotations

import click

from liftwright.cli.workspace import Workspace, command


@command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve_command(workspace: Workspace, host: str, port: int) -> None:
    """The HTTP API on this machine; /openapi.json describes it."""
    import uvicorn

    from liftwright.api.app import create

    deps = workspace.deps()
    uvicorn.run(create(lambda: deps), host=host, port=port, log_level="info")
