"""The history of the schema. One module a step under `versions/`; `tables.HEAD` names the newest."""
