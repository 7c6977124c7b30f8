"""Who gets which touch: prices for the shared limits, an exact choice per person at those prices, a repaired plan and its certificate.

`solving` finds a plan, `checking` verifies one and shares no code with it.
"""
