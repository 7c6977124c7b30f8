"""The six people: each a prompt, tools, a typed answer, code that validates it and rules to fall back on.

They propose; nothing here has an effect, and no tool given to a model can reach an executor.
"""
