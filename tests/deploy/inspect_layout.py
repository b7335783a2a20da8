"""Run in a layout by test_layouts.py: what Airflow finds there, as JSON on the last line.

    python inspect_layout.py DAGS PLUGINS

Only Airflow decides what else is on sys.path: the plugins folder by itself, the DAG folder as its DAG
processor adds it.
"""

import importlib
import json
import sys
from pathlib import Path

dags, plugins = Path(sys.argv[1]), Path(sys.argv[2])
# Python adds the folder of this script
sys.path.pop(0)

from airflow import plugins_manager  # noqa: E402
from airflow.dag_processing.dagbag import DagBag  # noqa: E402

sys.path.append(str(dags))
bag = DagBag(str(dags))
loaded, broken = plugins_manager._get_plugins()

libraries = [folder for entry in map(Path, sys.path) for folder in entry.glob("[!.]*") if folder.is_dir()]
own = {folder.name: folder for folder in libraries if folder.name in {"include", "lastgood", "lastgood_ui"}}
modules = {}
for folder in own.values():
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        # Alembic runs the migrations itself, and a __main__ is a command
        if ".migrations" not in name and parts[-1] != "__main__":
            modules[name] = importlib.import_module(name).__file__

print(
    json.dumps(
        {
            "dags": sorted(bag.dag_ids),
            "import_errors": dict(bag.import_errors),
            "plugins": sorted(
                str(plugin.source) for plugin in loaded if "PLUGINS_FOLDER" in str(plugin.source)
            ),
            "plugin_errors": {str(key): str(value) for key, value in broken.items()},
            "modules": modules,
            "path": sys.path,
        }
    )
)
