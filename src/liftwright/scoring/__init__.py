"""Models of people: past randomised tests, uplift, propensity, cards. Tables in, models and numbers out; no features, no I/O."""
