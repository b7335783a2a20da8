"""What operators and Lastgood's own DAGs do beside runs: decisions, recovery, retention, replay, rebuild, backup."""
