"""The nouns of the house, as values. Pydantic only: no I/O, no clock, no randomness, no other room."""
