"""Paths of the pages that every workspace has."""

from __future__ import annotations

SCREENS = (
    "/",
    "/approvals",
    "/campaigns",
    "/explain",
    "/evals",
    "/evals/goals",
    "/data",
    "/models",
    "/policies",
    "/journal",
    "/settings",
    "/settings/channels",
    "/settings/autonomy",
    "/glossary",
    "/sign-in",
)
