"""What the pages of evals show, as one file that stands alone: no server, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from liftwright.api.pages.downloads import digest
from liftwright.api.pages.site import style, templates
from liftwright.domain.errors import ConfigError
from liftwright.evaluation import viewing
from liftwright.evaluation.viewing import CaseView, View

MOST_CASES = 500
"""Cases of a suite that are shown with what was asked and answered: those that failed or flipped, regressed first."""


def whole(suites: Sequence[str], *, home: Path, now: datetime, run: str = "", against: str = "") -> str:
    """The newest run (or `run`) of each suite against the baseline or what was before (or `against`), as HTML.

    Raises ConfigError for a suite or run there is not, and where none of the suites was ever run.
    """
    views = [view for name in suites if (view := viewing.view(name, home=home, run=run, against=against)) is not None]
    if not views:
        step = f"Run one: liftwright eval run {suites[0] if suites else 'goals'}."
        raise ConfigError("EVAL-RUN-NONE", "No such suite was run in this workspace.", next_step=step)
    css = style()
    shown = [(view, viewing.filtered(view.lines, "all"), _cases(view, home)) for view in views]
    return templates().get_template("eval_file.html").render(css=Markup(css), digest=digest(css), shown=shown, now=now)


def _cases(view: View, home: Path) -> dict[str, CaseView]:
    told = [line.case for line in viewing.filtered(view.lines, "all") if not line.passed or line.flip == "improved"]
    return {case: viewing.case_view(view.suite.suite, case, view, home=home) for case in told[:MOST_CASES]}
