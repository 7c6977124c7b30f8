"""Whether a model still sees what it was trained on: its inputs, its scores, and what came of them."""

from liftwright.scoring.drift.outcomes import Batches, display, observed_over_expected, of_chances
from liftwright.scoring.drift.reference import FEWEST, Reference
from liftwright.scoring.drift.seen import Came, Seen
from liftwright.scoring.drift.signal import LEVELS, Level, Signal, ordered, worst

__all__ = [
    "FEWEST",
    "LEVELS",
    "Batches",
    "Came",
    "Level",
    "Reference",
    "Seen",
    "Signal",
    "display",
    "observed_over_expected",
    "of_chances",
    "ordered",
    "worst",
]
