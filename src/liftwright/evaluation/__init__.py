"""Measures the product: suites of cases run through a target, graded, stored and judged by a gate; and the simulated market. No product logic."""
