"""What a deployment needs once, after `airflow db migrate`: the registry's schema and one pool per source.

    python -m deploy.init

Does nothing where all is there. The registry is reached by the connection `lastgood_registry`.
"""

from __future__ import annotations

import sys

from include.sources.source import names, spec


def make_pools() -> list[str]:
    """Make the pools that are missing, one slot each, and return their names.

    One task at a time talks to an upstream, whatever its DAGs do. A number of slots that an operator changed
    is kept.
    """
    from airflow.models.pool import Pool

    made = []
    for source in map(spec, names()):
        if Pool.get_pool(source.pool) is None:
            Pool.create_or_update_pool(
                name=source.pool,
                slots=1,
                description=f"Tasks that talk to {source.title} at once",
                include_deferred=False,
            )
            made.append(source.pool)
    return made


def main() -> None:
    """Bring both up to date and say what was done."""
    from lastgood.hooks.registry import RegistryHook

    RegistryHook().registry()
    made = make_pools()
    sys.stdout.write(f"The registry is up to date. New pools: {', '.join(made) or 'none'}.\n")


if __name__ == "__main__":
    main()
