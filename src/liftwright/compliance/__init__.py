"""Rules as data, decided by code: predicates bound and run over people, content and plans; autonomy levels.

What a rule says lives in policies/; reading files is the library's work, not this room's.
"""
