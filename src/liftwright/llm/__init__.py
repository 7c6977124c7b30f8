"""Chat models: any LangChain provider string, and `scripted` (rules and templates); every one of them behind the guard.

Nothing here knows campaigns; what a model is asked and what its answer is worth is decided by the agents.
"""
