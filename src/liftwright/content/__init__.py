"""Texts: approved templates, variants that fill them, claims and what proves them, numbers and where they come from.

Whether a text may be sent is decided by the rules of `compliance`; this room measures the text.
"""
