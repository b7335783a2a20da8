"""What Airflow sees of Lastgood: hooks, operators, notifiers, and the defaults all source DAGs share."""
