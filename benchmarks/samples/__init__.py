"""What `benchmarks/evals.py` runs as processes of their own: our command on a suite of its making, and the peer."""
