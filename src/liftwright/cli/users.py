"""users: add, list, key, revoke-keys, recover, sign-in, sign-out."""

from __future__ import annotations

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.approval import KEY_SCOPES, KeyScope

_BY = click.option("--as", "by", required=True, metavar="USER", help="Who does it: an admin, once there are users.")


@click.group(name="users")
def users_command() -> None:
    """Who may ask, sign and look: add, list, key, revoke-keys, recover, sign-in, sign-out."""


@command(name="list")
def users_list(workspace: Workspace) -> None:
    """Every user with their roles."""
    found = workspace.deps().users.all()
    lines = [
        f"{u.name:<20} {', '.join(u.roles)}{'' if u.is_active else '  (switched off)'}{'  has a key' if u.has_key else ''}{f'  {u.email}' if u.email else ''}"
        for u in found
    ]
    workspace.show(
        [user.model_dump(mode="json") for user in found], "\n".join(lines) or "No users: any name is taken, and said so."
    )


@command(name="add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="May be repeated; see `roles` in policies/autonomy.yaml.")
@click.option("--off", is_flag=True, help="Switch the user off: the name stays in old decisions and can do nothing more.")
@click.option("--email", default=None, help='Where NAME is told that an approval waits; "" takes it away.')
@_BY
def users_add(workspace: Workspace, name: str, roles: tuple[str, ...], off: bool, email: str | None, by: str) -> None:
    """Add user NAME, or give them other roles. The first user of a workspace must be an admin."""
    from liftwright.flow import people

    user = people.put(name, roles=roles, is_active=not off, by=by, email=email, deps=workspace.deps())
    workspace.show(
        user.model_dump(mode="json"), f"{user.name}: {', '.join(user.roles)}{'' if user.is_active else ' (switched off)'}"
    )


@command(name="key")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(KEY_SCOPES), help="What it is for; may be repeated. None: all."
)
@_BY
def users_key(workspace: Workspace, name: str, scopes: tuple[KeyScope, ...], by: str) -> None:
    """A new key for NAME, shown once. From then on NAME acts only with a key in LIFTWRIGHT_KEY. One with scopes opens no session."""
    from liftwright.flow import people

    key = people.new_key(name, by=by, scopes=scopes, deps=workspace.deps())
    for_ = f" It is for {', '.join(sorted(set(scopes)))} only." if scopes else ""
    data = {"name": name, "key": key, "scopes": sorted(set(scopes))}
    workspace.show(data, f"{key}\nKeep it now: it is not shown again. It ends in 90 days.{for_}")


@command(name="revoke-keys")
@click.argument("name")
@_BY
def users_revoke_keys(workspace: Workspace, name: str, by: str) -> None:
    """Make every key of NAME worthless at once."""
    from liftwright.flow import people

    count = people.revoke_keys(name, by=by, deps=workspace.deps())
    workspace.show({"name": name, "revoked": count}, f"{count} keys of {name} hold no longer.")


@command(name="recover")
@click.argument("name")
@click.option("--as", "by", required=True, metavar="WHO", help="Your name, for the journal; no user need be called so.")
@click.option("--reason", required=True, help="Why; the journal keeps it.")
def users_recover(workspace: Workspace, name: str, by: str, reason: str) -> None:
    """A new key for the admin NAME, once no admin's key holds any more: nobody is locked out for good."""
    from liftwright.flow import people

    key = people.recover(name, by=by, reason=reason, deps=workspace.deps())
    workspace.show({"name": name, "key": key}, f"{key}\nKeep it now: it is not shown again. The journal says that {by} made it.")


@command(name="sign-in")
@click.argument("name")
def users_sign_in(workspace: Workspace, name: str) -> None:
    """A session of NAME, who shows a key in LIFTWRIGHT_KEY: a key that ends after 12 hours, shown once."""
    from liftwright.flow import people

    key = people.sign_in(name, deps=workspace.deps())
    workspace.show({"name": name, "key": key}, f"{key}\nShow it in LIFTWRIGHT_KEY instead of your own. It ends in 12 hours.")


@command(name="sign-out")
@click.argument("name")
def users_sign_out(workspace: Workspace, name: str) -> None:
    """End the session of NAME whose key stands in LIFTWRIGHT_KEY."""
    from liftwright.flow import people

    count = people.sign_out(name, deps=workspace.deps())
    workspace.show({"name": name, "ended": count}, "Signed out." if count else "No key was shown, so nothing ended.")


for _each in (users_list, users_add, users_key, users_revoke_keys, users_recover, users_sign_in, users_sign_out):
    users_command.add_command(_each)
