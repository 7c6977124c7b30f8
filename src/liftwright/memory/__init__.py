"""Lessons, brand documents and past copy, found by similarity of text (Chroma). Numbers live elsewhere and are looked up by key."""
