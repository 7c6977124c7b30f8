"""The built-in model: rules and templates behind the interface of a chat model. Offline, deterministic, and it says what it is."""
