"""Liftwright: a business goal becomes an approved, executed and measured campaign."""

import os

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
"""One thread in numerical libraries unless the operator says otherwise: sums then have one order, and the same pins one result."""

__version__ = "0.1.0"
