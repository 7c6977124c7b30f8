"""Who gets which touch: prices for the shared limits, an exact choice per person at those prices, a repaired plan and its certificate.

`solving` takes a table of candidates, `settling` a grid of options x people; both find a plan. `checking`, `certificate` and
`grid_check` verify one and share no code with them. `saying` puts the prices in words.
"""
