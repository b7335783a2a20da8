"""The registry in PostgreSQL, schema `lastgood`: its connection, versions, the run log, migrations."""
