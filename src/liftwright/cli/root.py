"""The `liftwright` command: a list of names; each command's file is imported only when it runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from liftwright import __version__
from liftwright.cli.workspace import fail

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("market", "Build a simulated market and walk goals through it, end to end."),
    "market": ("market", "Only build the simulated market and import it, for trying commands by hand."),
    "import": ("data", "Bring customers, events, past tests, products, evidence or documents in."),
    "identity": ("identifying", "Which records are one person, and why: show, split, join."),
    "person": ("persons", "One person's data: export, erase."),
    "export": ("data", "Write a plan's assignment, candidates, audience, sends, limits, prices or postage to a file."),
    "readiness": ("data", "Audit the data: identity, outcomes, latency, and what would be decided wrongly."),
    "plan": ("planning", "Turn a goal into a plan that waits for approval."),
    "chat": ("chatting", "The same as a conversation with the strategist."),
    "show": ("planning", "One campaign: plan, status, hash, findings."),
    "list": ("planning", "All campaigns."),
    "approvals": ("approving", "What waits for a decision, riskiest first."),
    "approve": ("approving", "Approve exactly the plan with this hash."),
    "reject": ("approving", "Reject a plan."),
    "respond": ("approving", "Answer a waiting plan in words; the strategist revises it."),
    "edit": ("approving", "Change a waiting plan; a new revision is checked and asked again."),
    "revoke": ("approving", "Take back an approval that was not launched."),
    "delegate": ("approving", "Let another user sign what waits."),
    "escalate": ("approving", "Ask that one more role signs what waits."),
    "users": ("users", "Who may ask, sign and look: add, list, key, revoke-keys."),
    "worker": ("running", "Deliver due sends."),
    "tick": ("running", "Observe a running campaign, adapt, stop."),
    "stop": ("running", "Kill switch: nothing leaves after the batch in flight."),
    "pause": ("running", "Hold a running campaign until somebody lets it go on."),
    "resume": ("running", "Let a paused campaign go on."),
    "report": ("running", "What a campaign did, caused and taught."),
    "why": ("asking", "Why a person gets what they get."),
    "whatif": ("asking", "Re-solve a plan with something changed; the plan itself stays."),
    "replay": ("asking", "Compute a plan again from its pins and compare every decision."),
    "prove": ("proving", "What another model, setting or prompt would have brought in past campaigns."),
    "policy": ("policies", "Rules: check, test, explain, diff, hash, coverage, mutants."),
    "opportunities": ("earning", "Where measured uplift lies unused, priced, with the goal that would ask for it."),
    "autonomy": ("earning", "What may run alone, earned and lost: show, history, propose, sign, refuse, drill."),
    "journal": ("governing", "The tamper-evident log."),
    "model": ("modelling", "Scoring models: list, train, card, off, on, drift."),
    "lessons": ("learning", "What campaigns taught: list, show, retire, cells."),
    "leads": ("modelling", "Lead scores with reasons."),
    "eval": ("evaluating", "Prompt-evaluation suites."),
    "serve": ("serving", "Web pages and the HTTP API."),
    "mcp": ("serving", "Tools for other agents (Model Context Protocol); nothing is executed."),
}


class LazyGroup(click.Group):
    """Shows every command's one line without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a campaign's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file that holds the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"liftwright.cli.{COMMANDS[cmd_name][0]}")
        found: Any = getattr(module, f"{cmd_name}_command")
        return found if isinstance(found, click.Command) else None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click runs it, but a wrong command line ends as one line on standard error, like every other error."""
        try:
            done = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            place = context.command_path if context is not None else "liftwright"
            says = error.format_message().rstrip(". ")
            fail(f"USAGE: {says}. See `{place} --help`.", error.exit_code, debug=False)
        except click.Abort:
            fail("ABORTED: you ended it; nothing more was done.", 1, debug=False)
        if standalone_mode:
            sys.exit(done if isinstance(done, int) else 0)
        return done

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands for `--help`, from the list above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="liftwright")
@click.option("--home", type=click.Path(), default=None, help="Workspace directory (default ./.liftwright or LIFTWRIGHT_HOME).")
@click.option("--debug", is_flag=True, help="Show the trace of an error.")
@click.pass_context
def liftwright(ctx: click.Context, home: str | None, debug: bool) -> None:
    """Liftwright turns a business goal into a campaign that provably moved it.

    Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 something broke.
    """
    ctx.obj = {"home": home, "debug": debug}
