"""The command line itself: arguments, the question before a destructive act, output, exit codes."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from include.cli import display
from include.cli.call import Call, Command, Unwell
from include.cli.commands import COMMANDS, GROUPS
from include.publishing.decisions import NotExported
from include.publishing.dump import NoScratch
from include.publishing.promotion import PromotionFailed
from include.publishing.registry import NewerRegistry, Registry, said
from include.publishing.retention import PlanOutdated
from include.publishing.store import Store

DONE, FAILED, MISUSED, STOPPED = 0, 1, 2, 130


class NotAllowed(Exception):
    """A destructive act that nobody said yes to."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--root", metavar="URI", help="store: file:///… or s3://…; or LASTGOOD_ROOT")
    common.add_argument("--registry", metavar="URI", help="PostgreSQL; or LASTGOOD_REGISTRY")
    common.add_argument("--who", metavar="NAME", help="who does it, by default the user")
    common.add_argument("--json", action="store_true", help="machine-readable output")
    top = argparse.ArgumentParser(
        prog="lastgood",
        description=_overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="lastgood COMMAND … [--json] [--help]",
        parents=[common],
    )
    places = {"": top.add_subparsers(metavar="COMMAND", required=True, help=argparse.SUPPRESS)}
    for command in COMMANDS.values():
        family, _, name = command.name.rpartition(" ")
        if family not in places:
            parent = places[""].add_parser(family, description=f"{family.capitalize()}.")
            places[family] = parent.add_subparsers(metavar="COMMAND", required=True)
        added = places[family].add_parser(
            name, help=command.does, description=f"{command.does.capitalize()}.", parents=[common]
        )
        added.set_defaults(command=command)
        for argument, options in command.arguments.items():
            added.add_argument(argument, **options)
    return top


def _overview() -> str:
    lines = ["Operate the last good datasets."]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {command.name:<18} {command.does}" for command in commands)]
    return "\n".join([*lines, "", "lastgood COMMAND --help tells the arguments of each."])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 refused, impossible or bad news, 2 used wrongly."""
    # Options stand before or after the command, so none of the parsers may have a default of its own for them.
    args = parser().parse_args(
        argv,
        argparse.Namespace(
            json=False,
            root=os.environ.get("LASTGOOD_ROOT"),
            registry=os.environ.get("LASTGOOD_REGISTRY"),
            who=_user(),
        ),
    )
    root, registry = args.root, args.registry
    if not root or (args.command.needs_registry and not registry):
        print("Set LASTGOOD_ROOT and LASTGOOD_REGISTRY, or give --root and --registry.", file=sys.stderr)
        return MISUSED
    try:
        call = Call(
            Store.from_uri(root),
            Registry(lambda: psycopg.connect(registry or "")),
            args,
            datetime.now(UTC),
            _progress(),
        )
        return _run(args.command, call)
    except NotAllowed as refused:
        return _say(args.command, MISUSED, str(refused))
    except BrokenPipeError:
        # Whoever read the output has enough. The interpreter must not find it closed at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _say(args.command, STOPPED, "stopped")
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName):
        return _say(args.command, FAILED, "the registry's schema is not of this release: run `migrate` first")
    except _foreseeable() as error:
        return _say(args.command, FAILED, _sentence(error, registry))


def _run(command: Command, call: Call) -> int:
    if command.asks is not None:
        _ask(command.asks, call)
    sentences: tuple[str, ...] = ()
    try:
        result = command.act(call)
    except Unwell as bad:
        result, sentences = bad.result, bad.sentences
    call.report("")
    if result is not None:
        _print(command, call, result)
    for sentence in sentences:
        _say(command, FAILED, sentence)
    return FAILED if sentences else DONE


def _print(command: Command, call: Call, result: Any) -> None:
    if call.args.json:
        print(msgspec.json.format(msgspec.json.encode(result, enc_hook=str), indent=1).decode())
        return
    if not isinstance(result, list) and command.show is display.plain:
        result = msgspec.to_builtins(result, builtin_types=(datetime,), enc_hook=str)
    for line in command.show(result, call.now):
        print(line)


def _ask(question: Callable[[Call], str | None], call: Call) -> None:
    """Have a destructive act confirmed. Raises NotAllowed."""
    if call.args.yes:
        return
    if not sys.stdin.isatty():
        if not getattr(call.args, "dry_run", False):
            raise NotAllowed("this is asked before it is done: say --yes where there is no terminal")
        return
    asked = question(call)
    if asked is None:
        return
    print(f"{asked} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotAllowed("not done")


def _progress() -> Callable[[str], None]:
    """Shows how far work has come on one line of the terminal, which an empty text clears; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(text: str) -> None:
        line = display.clipped(display.text(text), display.WIDTH)
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    return show


def _say(command: Command, code: int, sentence: str) -> int:
    """One line on stderr, whatever an error's text looks like."""
    print(f"{command.name}: {display.text(' '.join(sentence.split()))}", file=sys.stderr)
    return code


def _sentence(error: Exception, registry: str | None) -> str:
    """What an error says. A URI that cannot be read is quoted with its password."""
    sentence = said(error) or type(error).__name__
    return sentence.replace(registry, "the URI of the registry") if registry else sentence


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _foreseeable() -> tuple[type[Exception], ...]:
    """What may go wrong without a fault in this program: the database, the store, what was asked for."""
    import duckdb

    found: tuple[type[Exception], ...] = (
        psycopg.Error,
        duckdb.Error,
        OSError,
        ValueError,
        LookupError,
        PromotionFailed,
        NewerRegistry,
        NotExported,
        PlanOutdated,
        NoScratch,
    )
    if "botocore" in sys.modules:  # only a store in S3 brings it
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

        found += (BotoCoreError, ClientError)
    return found
