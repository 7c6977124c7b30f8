"""Reads a goal in plain or messy English into a `Brief`, by rules alone. No language model, no clock, no I/O."""
