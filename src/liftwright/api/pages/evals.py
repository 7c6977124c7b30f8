"""Evals: every suite with its newest run, one run against another, one case with both outputs; a run becomes the baseline. Runs are made in a terminal."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, Visitor, back
from liftwright.domain.errors import ApprovalError, DataError
from liftwright.evaluation import gating, redteam, viewing
from liftwright.evaluation.suite import load_suite


def routes(site: Site) -> APIRouter:
    """GET /evals, /evals/{suite}?run=…&against=…&show=…, /evals/{suite}/{case}?run=…&against=…; POST /evals/{suite}/baseline."""
    router = APIRouter()

    @router.get("/evals")
    def every(request: Request) -> Response:
        home = site.inside(request).deps.settings.home
        apart = {"name": redteam.NAME, "says": redteam.SAYS}
        return site.page(request, "evals.html", title="Evals", suites=viewing.overview(home), apart=apart)

    @router.get("/evals/{suite}")
    def one(request: Request, suite: str, run: str = "", against: str = "", show: str = "all") -> Response:
        visitor = site.inside(request)
        deps = visitor.deps
        found = viewing.view(suite, home=deps.settings.home, run=run, against=against)
        lines = viewing.filtered(found.lines, show) if found else []
        return site.page(
            request,
            "eval_suite.html",
            title=f"Evals: {suite}",
            suite=load_suite(suite),
            v=found,
            lines=lines,
            show=show if show in viewing.SHOWS else "all",
            shows=viewing.SHOWS,
            against=against,
            price=deps.settings.agents.price / Decimal(1000),
            may_accept=_may_accept(visitor),
        )

    _case(site, router)
    _baseline(site, router)
    return router


def _case(site: Site, router: APIRouter) -> None:
    """One case of a run, with both outputs."""

    @router.get("/evals/{suite}/{case}")
    def case(request: Request, suite: str, case: str, run: str = "", against: str = "") -> Response:
        home = site.inside(request).deps.settings.home
        found = viewing.view(suite, home=home, run=run, against=against)
        if found is None:
            says = f"The suite '{suite}' was never run here."
            raise DataError("EVAL-RUN-UNKNOWN", says, next_step=f"Run it: liftwright eval run {suite}.")
        shown = viewing.case_view(suite, case, found, home=home)
        return site.page(request, "eval_case.html", title=f"{suite}: {case}", v=found, c=shown, against=against)


def _baseline(site: Site, router: APIRouter) -> None:
    """The form that makes a run the baseline; it leads to the run held against it."""

    @router.post("/evals/{suite}/baseline")
    async def accept(request: Request, suite: str) -> Response:
        visitor, fields = await site.form(request)
        by, run = visitor.acting(fields), str(fields.get("run", ""))
        if not run:
            raise DataError("EVAL-RUN-UNKNOWN", "No run was named.", next_step="Go back and choose one.")
        made = gating.accept(suite, run, by=by, reason=str(fields.get("reason", "")), deps=visitor.deps)
        return back(f"/evals/{quote(made.suite, safe='')}?run={quote(run, safe='')}&against=baseline")


def _may_accept(visitor: Visitor) -> bool:
    """Whether the form is shown; whoever sends one without it is asked again."""
    try:
        gating.acceptor(visitor.name or "somebody", deps=visitor.deps)
    except ApprovalError:
        return False
    return True
