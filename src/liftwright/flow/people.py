"""Users of a workspace: only an admin changes them, and the first one must be an admin."""

from __future__ import annotations

from collections.abc import Sequence

from liftwright.domain.address import is_email
from liftwright.domain.approval import KEY_SCOPES, MOST_NAME, KeyScope, User, is_name
from liftwright.domain.errors import ApprovalError, ConfigError
from liftwright.flow import signing
from liftwright.ports import Deps

ADMIN = "admin"
SESSION = "lws_"
"""How the key of a session begins."""


def put(
    name: str, *, roles: Sequence[str], is_active: bool, by: str, deps: Deps, email: str | None = None, is_new: bool = False
) -> User:
    """Add a user or change one. Raises ConfigError for an empty name, a role nobody declared, an address that is none or, where they are
    said to be new, a name that is taken; ApprovalError when `by` is no admin.

    `email`: where they are told of approvals; None leaves it as it is, "" takes it away. The last active admin cannot be switched off or lose that role.
    """
    _must_be_admin(by, deps=deps)
    declared = deps.library.policies().autonomy["roles"]
    unknown = sorted(set(roles) - set(declared))
    if not is_name(name) or unknown or not roles:
        what = (
            f"there is no role {', '.join(unknown)}"
            if unknown
            else f"a user needs a name of up to {MOST_NAME} printable characters and a role"
        )
        raise ConfigError("USER-FORM", f"{what}.", next_step=f"Roles: {', '.join(sorted(declared))}.")
    if email and not is_email(email):
        says = "That is no e-mail address in plain ASCII."
        raise ConfigError("USER-EMAIL", says, next_step="Write it like leo@example.com.")
    if is_new and deps.users.get(name.strip()) is not None:
        raise ConfigError(
            "USER-TAKEN", f"There is a user {name.strip()} already.", next_step="Choose another name, or change that user."
        )
    if admins(deps=deps) in ([], [name.strip()]) and not (is_active and ADMIN in roles):
        raise ConfigError(
            "USER-ADMIN",
            "Somebody must stay admin, or become one first.",
            next_step=f"Give somebody else the role {ADMIN} first.",
        )
    return deps.users.put(name.strip(), roles=roles, is_active=is_active, by=by, now=deps.now(), email=email)


def begin(name: str, *, email: str = "", deps: Deps) -> str:
    """The first user of a workspace, an admin, and a key of theirs at once: from then on only who shows one comes in. Returns the key.

    Raises ConfigError where there are users already, and as `put` does.
    """
    if deps.users.all():
        raise ConfigError("USER-FIRST", "This workspace has users already.", next_step="Have an admin add you.")
    user = put(name, roles=[ADMIN], is_active=True, by=name.strip(), email=email, deps=deps)
    return new_key(user.name, by=user.name, deps=deps)


def admins(*, deps: Deps) -> list[str]:
    """Who may change users."""
    return [user.name for user in deps.users.all() if user.is_active and ADMIN in user.roles]


def new_key(name: str, *, by: str, scopes: Sequence[KeyScope] = (), deps: Deps) -> str:
    """A new key for a user, by an admin or themselves, who show no key with scopes. `scopes`: what it is for; none: all that the user may.

    Raises ConfigError for a scope that does not exist.
    """
    if not set(scopes) <= set(KEY_SCOPES):
        raise ConfigError("USER-SCOPE", "There is no such scope.", next_step=f"Scopes: {', '.join(KEY_SCOPES)}.")
    if signing.known(by, deps=deps) is not None and by != name:
        _must_be_admin(by, deps=deps)
    return deps.users.new_key(name, by=by, now=deps.now(), lasts=signing.KEY_LASTS, scopes=scopes)


def recover(name: str, *, by: str, reason: str, deps: Deps) -> str:
    """A new key for an admin where no admin has one that holds any more, so that a workspace is never closed for good. Returns the key.

    For the terminal of whoever keeps the workspace's database, never for a server; the journal says who and why. Raises ConfigError for who is no
    active admin and without a reason, ApprovalError while some admin's key holds.
    """
    who, why = " ".join(by.split())[:MOST_NAME], " ".join(reason.split())
    known = admins(deps=deps)
    if name not in known:
        raise ConfigError("USER-RECOVER", f"{name[:MOST_NAME]} is no admin.", next_step=f"Admins: {', '.join(known) or 'none'}.")
    if not who or not why:
        raise ConfigError("USER-RECOVER", "That needs a name and a reason.", next_step="Say who does it, and why.")
    now = deps.now()
    if holding := sorted(set(known) & set(deps.users.holding(now=now))):
        says = f"There is an admin whose key holds: {', '.join(holding)}."
        raise ApprovalError("USER-RECOVER", says, next_step="Ask them for a key, or wait until theirs has ended.")
    deps.journal.append(at=now, actor=who, action="user.recovered", subject=name, detail={"reason": why})
    return deps.users.new_key(name, by=who, now=now, lasts=signing.KEY_LASTS)


def sign_in(name: str, *, deps: Deps) -> str:
    """A session of a user who shows a key: a key of its own that ends after 12 hours. A session opens no further one.

    Raises ApprovalError for a key that is not theirs, ConfigError for a user without a key and a workspace without users.
    """
    user = signing.known(name, deps=deps)
    if user is None or not user.has_key:
        says = "This workspace has no users." if user is None else f"{user.name} has no key to sign in with."
        raise ConfigError("USER-SIGN-IN", says, next_step="Have an admin make one: `liftwright users key NAME`.")
    assert deps.settings.key is not None
    if deps.settings.key.get_secret_value().startswith(SESSION):
        raise ConfigError("USER-SIGN-IN", "A session opens no other session.", next_step="Show a key in LIFTWRIGHT_KEY.")
    return deps.users.new_key(user.name, by=user.name, now=deps.now(), lasts=signing.SESSION_LASTS, prefix=SESSION)


def vouched_for(name: str, *, by: str, deps: Deps) -> str:
    """A session of a user for whom a provider (`by`) vouches; nobody becomes a user by that. Raises ApprovalError for who is no active user."""
    user = deps.users.get(name)
    if user is None or not user.is_active:
        says = "The provider knows you, and this workspace does not."
        raise ApprovalError("SIGN-IN-OTHER", says, next_step="Have an admin add you: `liftwright users add`.")
    return deps.users.new_key(user.name, by=by, now=deps.now(), lasts=signing.SESSION_LASTS, prefix=SESSION)


def sign_out(name: str, *, deps: Deps) -> int:
    """End the session, or the key, that is shown; other ones of the user stay. Returns how many ended: 1, or 0 where none was shown."""
    signing.known(name, deps=deps)
    shown = deps.settings.key.get_secret_value() if deps.settings.key is not None else ""
    return deps.users.revoke_keys(name, by=name, now=deps.now(), only=shown) if shown else 0


def revoke_keys(name: str, *, by: str, deps: Deps) -> int:
    """End every key of a user, by an admin or themselves. Raises ConfigError for a name that is no user's, and for the only admin: nobody
    could make another key."""
    if by != name:
        _must_be_admin(by, deps=deps)
    else:
        signing.known(by, deps=deps)
    if deps.users.get(name) is None:
        raise ConfigError(
            "USER-UNKNOWN", f"There is no user '{name[:MOST_NAME]}'.", next_step="See them with: liftwright users list."
        )
    if admins(deps=deps) == [name]:
        says = f"{name} is the only admin; without a key nobody could make another one."
        raise ConfigError("USER-ADMIN", says, next_step=f"Give somebody else the role {ADMIN} and a key first.")
    return deps.users.revoke_keys(name, by=by, now=deps.now())


def _must_be_admin(by: str, *, deps: Deps) -> None:
    user = signing.known(by, deps=deps)
    if user is not None and ADMIN not in user.roles:
        raise ApprovalError(
            "USER-NOT-ADMIN", f"{user.name} is no admin.", next_step=f"Who could: {', '.join(admins(deps=deps))}."
        )
