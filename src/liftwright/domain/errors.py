"""Broken things, named after the person who must act. Expected bad news is a value (`Finding`), never one of these."""

from __future__ import annotations


class LiftwrightError(Exception):
    """What is wrong, where, and what to do next.

    `code` is stable and may be matched by scripts; `next_step` is a sentence for the person who must act.
    """

    who = "operator"
    exit_code = 3

    def __init__(self, code: str, says: str, *, next_step: str) -> None:
        super().__init__(says)
        self.code = code
        self.says = says
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.code}: {self.says} {self.next_step}".strip()


class GoalError(LiftwrightError):
    """The marketer must say something differently."""

    who = "marketer"
    exit_code = 2


class ApprovalError(LiftwrightError):
    """An approver must decide again, or someone else must decide."""

    who = "approver"
    exit_code = 1


class PolicyError(LiftwrightError):
    """Compliance must change a rule, or the campaign must change."""

    who = "compliance"
    exit_code = 1


class DataError(LiftwrightError):
    """The data team must mend a file or a table."""

    who = "data team"
    exit_code = 2


class ProviderError(LiftwrightError):
    """A model or channel provider failed; trying again later is right."""

    who = "nobody: try again"
    exit_code = 3


class ConfigError(LiftwrightError):
    """The operator must change a setting, a command line or the installation."""

    who = "operator"
    exit_code = 2


class Halted(LiftwrightError):
    """A person stopped planning under way. What was done is kept, and a word lets it go on."""

    who = "marketer"
    exit_code = 1

    def __init__(self, *, by: str, at: str) -> None:
        says = f"{by} stopped planning at the {at.replace('_', ' ')}. What was done before is kept."
        super().__init__("PLAN-STOPPED", says, next_step='Say "go on" to take it up from there, or say a new goal.')
        self.by, self.at = by, at
