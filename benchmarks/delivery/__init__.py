"""A shop with a large plan, the worker that delivers it, and the same sends by the peer: what `ledger.py` and `graph.py` run."""
