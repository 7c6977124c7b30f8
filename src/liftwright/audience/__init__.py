"""Customer data, pure: mapping of files, identity, features, data quality, selection. No I/O, no clock, no model fitting."""
