"""From the bytes of a file to canonical tables: read as text, recognise columns by name and content, apply with quarantine."""
