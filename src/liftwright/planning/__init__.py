"""From effects to a plan: waves, treatments, assignment, budget, pacing, forecast, next action. No language model, no I/O, no clock."""
