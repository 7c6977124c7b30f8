"""The red team: orders hidden in data, a model that obeys them all, and a judge who looks from outside.

attacks → cases; shop → a workspace with the orders in it; judge → what happened that nobody allowed; run → counts and their upper bound.
"""

NAME = "redteam"
SAYS = "A model that obeys every order hidden in data: no effect, no leak, no rule overridden."
