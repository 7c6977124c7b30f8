"""What the house remembers: relational rows (SQLite or PostgreSQL) and the Parquet lake. No rule of the business lives here."""
