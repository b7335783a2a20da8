"""Where bytes lie: the store, raw landing, tables and the DuckDB session that reads them."""
