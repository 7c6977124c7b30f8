"""The feature store: each feature is declared once and computed the same way for training and for now, as of any moment."""

from liftwright.audience.features.computing import compute, compute_at, compute_scanned
from liftwright.audience.features.declared import FEATURES, NEVER_DAYS
from liftwright.audience.features.definition import Feature

__all__ = ["FEATURES", "NEVER_DAYS", "Feature", "compute", "compute_at", "compute_scanned"]
