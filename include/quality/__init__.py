"""The gate: contracts in Soda YAML, a strict schema of our own for them, and the verdict."""
