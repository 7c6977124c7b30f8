"""The tools a model may call: thin, typed, aggregates only, without any effect. Nothing that delivers, launches, approves or imports."""
