"""Workspaces that benchmarks make for themselves."""
