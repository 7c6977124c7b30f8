"""The command line: one file per command group, no logic. Slow imports happen inside commands, so that `--help` stays fast."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `liftwright` command."""
    from liftwright.cli.root import liftwright

    liftwright.main(args=sys.argv[1:], prog_name="liftwright")
