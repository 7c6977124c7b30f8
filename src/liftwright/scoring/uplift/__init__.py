"""Expected extra outcome per person and action, from randomised history: candidates, the choice among them, what follows from it."""

from liftwright.scoring.uplift.fitting import Judged, fit, is_recorded, judge
from liftwright.scoring.uplift.model import UpliftModel, from_parameters
from liftwright.scoring.uplift.seeds import seed_list

__all__ = ["Judged", "UpliftModel", "fit", "from_parameters", "is_recorded", "judge", "seed_list"]
