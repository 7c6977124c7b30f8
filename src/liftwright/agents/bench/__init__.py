"""The workbench of one planning run: all it may look at, fetched once through ports, and the deterministic steps over it.

Agents' tools see only its aggregates; the hallway calls its steps. Nothing here has an effect outside the lake and the model registry.
"""

from liftwright.agents.bench.bench import Bench

__all__ = ["Bench"]
