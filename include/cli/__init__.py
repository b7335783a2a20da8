"""The operator's commands: `python -m include.cli COMMAND`, and `--help` lists them.

Where the store and the registry are say --root and --registry, or LASTGOOD_ROOT and LASTGOOD_REGISTRY. On a managed
Airflow without a shell the same acts are DAGs (dags/operations).
"""
