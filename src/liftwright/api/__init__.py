"""HTTP doors: routes only, no logic. Everything they show is stored state; everything they change goes through `flow/`."""
