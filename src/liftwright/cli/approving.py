"""approvals, approve, reject, respond, edit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.approval import DecisionKind
from liftwright.domain.errors import ConfigError

if TYPE_CHECKING:
    from liftwright.ports import Deps


@command(name="approvals")
def approvals_command(workspace: Workspace) -> None:
    """What waits for a decision, riskiest first."""
    from liftwright.flow import shown

    deps = workspace.deps()
    data = shown.approvals_json(deps=deps)
    lines = [
        f"{a['risk']:<7} {a['campaign_id']:<16} {a['title'][:70]}\n        hash {a['plan_hash']}  due {a['due_at']}"
        f"{_told(a['approval_id'], deps)}"
        for a in data
    ]
    if lines and not deps.settings.notify.is_on:
        lines.append("Nobody is told of these by mail or webhook: liftwright.toml has no [notify].")
    workspace.show(data, "\n".join(lines) or "Nothing waits for approval.")


def _told(approval_id: str, deps: Deps) -> str:
    """Who was told of an approval, and who could sign it and cannot be; nothing where nobody is told at all."""
    from liftwright.flow import notifying

    if not deps.settings.notify.is_on:
        return ""
    told = [f"{each.recipient} ({each.kind}, {each.state})" for each in deps.notices.of(approval_id)]
    absent = notifying.untold(deps.approvals.get(approval_id), deps=deps) if deps.settings.notify.smtp else []
    says = f"\n        told: {', '.join(told) or 'nobody yet, a worker does it'}"
    return says + (f"; without an address: {', '.join(absent)}" if absent else "")


def _decide(workspace: Workspace, kind: DecisionKind, campaign: str, **rest: Any) -> None:
    from liftwright.cli import texts
    from liftwright.flow import deciding, shown, signing

    deps = workspace.deps()
    asyncio.run(deciding.decide(kind, campaign, deps=deps, **rest))
    data = shown.show_json(campaign, deps=deps)
    if not workspace.as_json:
        click.echo(f"{kind}: recorded for {rest['by']}{_of_whom(deps)}", err=True)
        waiting = deps.approvals.pending(campaign)
        if kind == "approve" and waiting is not None and deps.users.signatures(waiting.approval_id):
            absent = ", ".join(signing.missing(waiting, deps=deps))
            click.echo(f"Still missing: {absent}. {signing.who_could(waiting, deps=deps)}", err=True)
    workspace.show(data, lambda: texts.taken(data) if kind in ("approve", "reject") else texts.plan(data))


def _of_whom(deps: Deps) -> str:
    return "." if deps.users.all() else " (this workspace has no users yet, so any name is taken)."


_HASH = click.option("--hash", "plan_hash", required=True, help="The plan hash you saw.")
_AS = click.option("--as", "by", required=True, metavar="USER", help="Who decides.")


@command(name="approve")
@click.argument("campaign")
@_HASH
@_AS
@click.option("--reason", default="", help="Why.")
def approve_command(workspace: Workspace, campaign: str, plan_hash: str, by: str, reason: str) -> None:
    """Approve exactly the plan with this hash; the paused graph goes on and the sends are planned."""
    _decide(workspace, "approve", campaign, plan_hash=plan_hash, by=by, reason=reason)


@command(name="reject")
@click.argument("campaign")
@_HASH
@_AS
@click.option("--reason", required=True, help="Why; it becomes a lesson.")
def reject_command(workspace: Workspace, campaign: str, plan_hash: str, by: str, reason: str) -> None:
    """Reject the plan with this hash."""
    _decide(workspace, "reject", campaign, plan_hash=plan_hash, by=by, reason=reason)


@command(name="respond")
@click.argument("campaign")
@_HASH
@_AS
@click.option("--reason", required=True, metavar="TEXT", help="What should be different, in words.")
def respond_command(workspace: Workspace, campaign: str, plan_hash: str, by: str, reason: str) -> None:
    """Answer in words ("make it cheaper", "no SMS"); the strategist revises and asks again."""
    _decide(workspace, "respond", campaign, plan_hash=plan_hash, by=by, reason=reason)


@command(name="edit")
@click.argument("campaign")
@click.option("--set", "changes", multiple=True, required=True, metavar="PATH=VALUE", help="For example objective.budget=20000.")
@click.option("--hash", "plan_hash", default=None, help="The plan hash you saw (default: the waiting one).")
@_AS
@click.option("--reason", default="", help="Why.")
def edit_command(
    workspace: Workspace, campaign: str, changes: tuple[str, ...], plan_hash: str | None, by: str, reason: str
) -> None:
    """Change a waiting plan: a new revision is solved, checked and asked again."""
    _decide(workspace, "edit", campaign, plan_hash=plan_hash, by=by, reason=reason, changes=parse_changes(changes))


@command(name="revoke")
@click.argument("campaign")
@_AS
@click.option("--reason", required=True, help="Why.")
def revoke_command(workspace: Workspace, campaign: str, by: str, reason: str) -> None:
    """Take back an approval that waits, or that was given and not launched yet. What runs is stopped with `stop`."""
    from liftwright.flow import deciding, shown

    deps = workspace.deps()
    asyncio.run(deciding.revoke(campaign, by=by, reason=reason, deps=deps))
    data = shown.show_json(campaign, deps=deps)
    workspace.show(data, f"Revoked by {by}: {campaign} is {data['status']}; nothing was sent.")


@command(name="delegate")
@click.argument("campaign")
@click.option("--to", required=True, metavar="USER", help="Who may sign instead.")
@_AS
def delegate_command(workspace: Workspace, campaign: str, to: str, by: str) -> None:
    """Let another user sign what waits of CAMPAIGN with your roles. It ends with this approval and cannot be passed on."""
    from liftwright.flow import signing

    deps = workspace.deps()
    user, waiting = signing.known(by, deps=deps, scope="decide"), deps.approvals.pending(campaign)
    if user is None or waiting is None:
        why = "this workspace has no users" if user is None else f"nothing of {campaign} waits"
        raise ConfigError("DELEGATE-NOTHING", f"There is nothing to delegate: {why}.", next_step="See `liftwright approvals`.")
    roles = signing.delegate(waiting, by=user, to=to, deps=deps)
    workspace.show({"to": to, "roles": roles}, f"{to} may sign {campaign} as {', '.join(roles)}.")


@command(name="escalate")
@click.argument("campaign")
@click.option("--to", required=True, metavar="ROLE", help="The role that must sign too.")
@_AS
@click.option("--reason", required=True, help="Why.")
def escalate_command(workspace: Workspace, campaign: str, to: str, by: str, reason: str) -> None:
    """Ask that one more ROLE signs what waits of CAMPAIGN. It cannot be taken back."""
    from liftwright.flow import signing

    deps = workspace.deps()
    user, waiting = signing.known(by, deps=deps, scope="decide"), deps.approvals.pending(campaign)
    if user is None or waiting is None:
        why = "this workspace has no users" if user is None else f"nothing of {campaign} waits"
        raise ConfigError("ESCALATE-NOTHING", f"There is nothing to escalate: {why}.", next_step="See `liftwright approvals`.")
    needs = signing.escalate(waiting, by=user, to=to, reason=reason, deps=deps)
    workspace.show({"to": to, "needs": needs}, f"{campaign} needs {', '.join(needs)} now.")


def parse_changes(changes: tuple[str, ...]) -> dict[str, str]:
    """`("a.b=1",)` as a mapping; ConfigError for what is not PATH=VALUE."""
    pairs: dict[str, str] = {}
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not path.strip():
            raise ConfigError("EDIT-FORM", f"'{change}' is not PATH=VALUE.", next_step="Write it like objective.budget=20000.")
        pairs[path.strip()] = value.strip()
    return pairs
