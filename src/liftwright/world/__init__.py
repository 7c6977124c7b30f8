"""Simulated customers of a shoe and clothing shop who react, their truth, an oracle and baselines. Adapter: ports, domain, settings only."""
