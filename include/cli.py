"""The operator's commands: `python -m include.cli COMMAND`. Each act keeps who did it and why.

Reads where the store and the registry are from --root and --registry, or from LASTGOOD_ROOT and
LASTGOOD_REGISTRY. On a managed Airflow the same acts are the DAGs lastgood_accept, lastgood_rollback and
lastgood_rebuild_registry.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from include import steps
from include.publishing import manifest, mirror, promotion, rebuild, retention
from include.publishing.promotion import PromotionFailed, PromotionRefused
from include.publishing.registry import Registry, UnknownVersion
from include.publishing.store import Store
from include.quality import gate

Result = dict[str, Any] | list[dict[str, Any]]


def latest(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """What consumers read now."""
    found = registry.latest(args.source)
    if found is None:
        raise UnknownVersion(f"nothing of {args.source} was published yet")
    return {**asdict(found), "pointer": f"{store.uri}/{mirror.pointer_key(args.source)}"}


def versions(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """All versions of a source, newest first."""
    return [
        {name: getattr(row, name) for name in ("version", "state", "as_of", "published_at", "publish_error")}
        for row in registry.versions(args.source, args.n)
    ]


def checks(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """The checks of a version, failures first, with sample rows."""
    verdict = gate.read(store, args.source, args.version)
    if verdict is None:
        raise UnknownVersion(f"{args.source} has no version {args.version!r} with a verdict")
    return registry.check_results(args.source, args.version)


def accept(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """Accept a rejected candidate whose only failures are change rules, and promote it."""
    done = promotion.accept(store, registry, args.source, args.version, who=args.who, reason=args.reason)
    steps.export(store, registry, args.source)
    return asdict(done)


def rollback(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """Make an earlier version latest again, by default the one before."""
    done = promotion.rollback(store, registry, args.source, to=args.to, who=args.who, reason=args.reason)
    steps.export(store, registry, args.source)
    return asdict(done)


def verify(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """Read every file of latest again and compare its checksum."""
    found = registry.latest(args.source)
    if found is None:
        raise UnknownVersion(f"nothing of {args.source} was published yet")
    proven = manifest.verify(store, manifest.require(store, args.source, found.version))
    return {"source": args.source, "version": found.version, "files": len(proven), "intact": True}


def retain(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """Remove what retention lets go; without --yes only list it."""
    plan = retention.plan(
        store,
        registry,
        args.source,
        keep_versions=args.keep,
        keep_raw=timedelta(days=args.days),
        now=datetime.now(UTC),
    )
    if args.yes:
        retention.apply(store, registry, plan)
    return {"removed" if args.yes else "would remove": list(plan.versions), "files": len(plan.keys)}


def rebuild_registry(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """Fill an empty registry from the manifests in the store."""
    return dict(rebuild.rebuild(store, registry))


def migrate(store: Store, registry: Registry, args: argparse.Namespace) -> Result:
    """Bring the registry's schema to this code's revision."""
    return {"revision": registry.migrate()}


COMMANDS: dict[str, tuple[Callable[..., Result], dict[str, dict[str, Any]]]] = {
    "latest": (latest, {"source": {}}),
    "versions": (versions, {"source": {}, "-n": {"type": int, "default": 20}}),
    "checks": (checks, {"source": {}, "version": {}}),
    "accept": (accept, {"source": {}, "version": {}, "--reason": {"required": True}}),
    "rollback": (rollback, {"source": {}, "--to": {}, "--reason": {"required": True}}),
    "verify": (verify, {"source": {}}),
    "retain": (
        retain,
        {
            "source": {},
            "--keep": {"type": int, "default": 10},
            "--days": {"type": int, "default": 30},
            "--yes": {"action": "store_true"},
        },
    ),
    "rebuild-registry": (rebuild_registry, {}),
    "migrate": (migrate, {}),
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="lastgood", description="Operate the last good datasets.")
    top.add_argument("--root", default=os.environ.get("LASTGOOD_ROOT"), help="store: file:///… or s3://…")
    top.add_argument("--registry", default=os.environ.get("LASTGOOD_REGISTRY"), help="PostgreSQL URI")
    top.add_argument("--who", default=getpass.getuser(), help="who does it; kept in lastgood.action")
    top.add_argument("--json", action="store_true", help="machine-readable output")
    commands = top.add_subparsers(dest="command", required=True)
    for name, (act, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=act.__doc__)
        for argument, options in arguments.items():
            command.add_argument(argument, **options)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 refused or not possible, 2 used wrongly."""
    args = parser().parse_args(argv)
    if not args.root or not args.registry:
        print("Set LASTGOOD_ROOT and LASTGOOD_REGISTRY, or give --root and --registry.", file=sys.stderr)
        return 2
    store, registry = Store.from_uri(args.root), Registry(lambda: psycopg.connect(args.registry))
    try:
        result = COMMANDS[args.command][0](store, registry, args)
    except (
        PromotionRefused,
        PromotionFailed,
        UnknownVersion,
        manifest.AlteredFile,
        psycopg.OperationalError,
        ValueError,
        FileNotFoundError,
    ) as error:
        print(f"{args.command}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, default=str, indent=1) if args.json else _table(result))
    return 0


def _table(result: Result) -> str:
    rows = result if isinstance(result, list) else [{"": k, " ": v} for k, v in result.items()]
    if not rows:
        return "(none)"
    cells = [[_cell(value) for value in row.values()] for row in rows]
    heads = [list(rows[0])] if isinstance(result, list) else []
    widths = [max(len(line[i]) for line in heads + cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in heads + cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
