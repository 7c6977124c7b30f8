"""Liftwright: a business goal becomes an approved, executed and measured campaign."""

__version__ = "0.1.0"
