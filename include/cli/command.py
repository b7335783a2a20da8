"""What makes a function a command: its arguments are those of its signature, all else is the same for every one."""

from __future__ import annotations

import getpass
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict

import msgspec
import psycopg
import psycopg.conninfo
import typer
from rich.console import Console

from include import arguments
from include.alerting import redact
from include.cli import display
from include.operations.decisions import NotExported
from include.operations.retention import PlanOutdated
from include.publishing.promotion import PromotionFailed
from include.registry.connection import NewerRegistry, dial, error_summary
from include.registry.dump import NoScratch
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store

DONE, FAILED, MISUSED, STOPPED = 0, 1, 2, 130
MOST = 1_000_000
"""Rows, versions or days that anybody can mean."""

app = typer.Typer(
    help="Operate the last good datasets.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
quarantine = typer.Typer(help="Refused rows: list, show, replay.")
app.add_typer(quarantine, name="quarantine", rich_help_panel="Look")


def _versions(ctx: typer.Context, incomplete: str) -> list[str]:
    """The versions of the source on the line, for a shell that completes one."""
    source, registry = ctx.params.get("source"), os.environ.get("LASTGOOD_REGISTRY")
    if not source or not registry:
        return []
    try:
        found = Registry(lambda: dial(registry)).versions(source, 50)
    except (psycopg.Error, ValueError):
        return []
    return [each.version for each in found if each.version.startswith(incomplete)]


def _sources(incomplete: str) -> list[str]:
    return [name for name in sources.names() if name.startswith(incomplete)]


_SOURCE = typer.Argument(metavar="SOURCE", show_default=False, autocompletion=_sources)
_VERSION = typer.Argument(metavar="VERSION", show_default=False, autocompletion=_versions)
Source = Annotated[str, _SOURCE]
MaybeSource = Annotated[str | None, _SOURCE]
Version = Annotated[str, _VERSION]
MaybeVersion = Annotated[str | None, _VERSION]
Reason = Annotated[str, typer.Option(help="Why; kept in lastgood.action.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Number = Annotated[int, typer.Option("-n", min=0, max=MOST, metavar="N", help="At most so many.")]


class Signed(TypedDict):
    """Who does something and why; both are kept in lastgood.action."""

    who: str
    reason: str


class NotAllowed(Exception):
    """A destructive act that nobody said yes to."""


class TroubleFound(Exception):
    """The command was done, and its result is bad news: shown as any result, and the sentences on stderr."""

    def __init__(self, result: Any, *sentences: str) -> None:
        super().__init__(*sentences)
        self.result, self.sentences = result, sentences


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command."""

    store: Store
    registry: Registry
    who: str
    now: datetime
    report: Callable[[str], None]
    """Shows how far long work has come."""

    def source(self, name: str) -> str:
        """The source of that name. LookupError for an unknown one, arguments.NotUnderstood where it is no name."""
        arguments.check(source=name)
        if name not in sources.names() and not self.registry.versions(name, 1):
            raise LookupError(f"there is no source {name!r}; there are: {', '.join(sources.names())}")
        return name

    def signed(self, reason: str) -> Signed:
        """Who does it and why. Raises arguments.NotUnderstood."""
        arguments.check(who=self.who, reason=reason)
        return {"who": self.who, "reason": reason}

    def confirm(self, yes: bool, question: str) -> None:
        """Have an act confirmed that changes what people have. Raises NotAllowed."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise NotAllowed("this is asked before it is done: say --yes where there is no terminal")
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotAllowed("not done")


@app.callback()
def _shared(
    context: typer.Context,
    *,
    root: Annotated[
        str | None, typer.Option(metavar="URI", help="Store: file:///… or s3://…; or LASTGOOD_ROOT.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(metavar="URI", help="PostgreSQL; or LASTGOOD_REGISTRY.")
    ] = None,
    who: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who does it, by default the user.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Operate the last good datasets.

    Exit codes: 0 done, 1 refused, impossible or bad news, 2 used wrongly.
    """
    given = {"root": root, "registry": registry, "who": who, "json": json or None}
    context.obj = {
        **(context.obj or {}),
        **{name: value for name, value in given.items() if value is not None},
    }


Show = Callable[[Any, datetime], Iterable[display.Shown]]


def command(
    panel: str,
    name: str | None = None,
    *,
    show: Show = display.plain,
    into: typer.Typer = app,
    needs_registry: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command, whose first argument is the call; the others are as typer reads them.

    Its docstring is the help, what it returns is shown by `show`. The options of every command are added, so they may
    stand before its name or after it.
    """

    def make(act: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(act, eval_str=True).parameters.values())[1:]
        context, *shared = inspect.signature(_shared, eval_str=True).parameters.values()

        def typed(context: typer.Context, **given: Any) -> None:
            _shared(context, **{each.name: given.pop(each.name) for each in shared})
            label = context.command_path.partition(" ")[2]
            raise typer.Exit(_run(label, act, show, context.obj, given, needs_registry=needs_registry))

        kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (context, *own, *shared)]
        typed.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        typed.__annotations__ = {each.name: each.annotation for each in kept}
        typed.__doc__ = act.__doc__
        into.command(name or act.__name__, rich_help_panel=panel)(typed)
        return act

    return make


def _run(
    label: str,
    act: Callable[..., Any],
    show: Show,
    shared: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    needs_registry: bool,
) -> int:
    """Do it and show what came out; returns the exit code."""
    root = shared.get("root", os.environ.get("LASTGOOD_ROOT"))
    registry = shared.get("registry", os.environ.get("LASTGOOD_REGISTRY"))
    if not root or (needs_registry and not registry):
        print("Set LASTGOOD_ROOT and LASTGOOD_REGISTRY, or give --root and --registry.", file=sys.stderr)
        return MISUSED
    try:
        _check_uri(registry)
        call = Call(
            Store.from_uri(root),
            Registry(lambda: dial(registry or "")),
            shared.get("who", _user()),
            datetime.now(UTC),
            _progress(),
        )
        with _logged(label), call.registry.session():
            sentences: tuple[str, ...] = ()
            try:
                result = act(call, **given)
            except TroubleFound as bad:
                result, sentences = bad.result, bad.sentences
            call.report("")
            if result is not None:
                _output(result, show, call.now, json=bool(shared.get("json")))
            for sentence in sentences:
                _say(label, FAILED, sentence)
            return FAILED if sentences else DONE
    except NotAllowed as refused:
        return _say(label, MISUSED, str(refused))
    except BrokenPipeError:
        # Whoever read the output has enough. The interpreter must not find it closed at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _say(label, STOPPED, "stopped")
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName):
        return _say(label, FAILED, "the registry's schema is not of this release: run `migrate` first")
    except _foreseeable() as error:
        return _say(label, FAILED, error_summary(error) or type(error).__name__)


def _check_uri(registry: str | None) -> None:
    """Raise NotUnderstood for what PostgreSQL cannot read as a connection; its own words quote the password."""
    try:
        psycopg.conninfo.conninfo_to_dict(registry or "")
    except psycopg.ProgrammingError:
        raise arguments.NotUnderstood(
            "The registry's URI (LASTGOOD_REGISTRY or --registry) cannot be read: write "
            "postgresql://user:password@host/database, and percent-encode what is special in the password, @ as %40."
        ) from None


@contextmanager
def _logged(label: str) -> Iterator[None]:
    """Have what the code logs from warnings on said on stderr, as everything is that a command says."""
    handler, log = _Said(logging.WARNING), logging.getLogger("include")
    handler.label = label
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Said(logging.Handler):
    label: str

    def emit(self, record: logging.LogRecord) -> None:
        _say(self.label, FAILED, f"{record.levelname.lower()}: {redact.text(record.getMessage())}")


def _output(result: Any, show: Show, now: datetime, *, json: bool) -> None:
    if json:
        print(msgspec.json.format(msgspec.json.encode(result, enc_hook=str), indent=1).decode())
        return
    if not isinstance(result, list) and show is display.plain:
        result = msgspec.to_builtins(result, builtin_types=(datetime,), enc_hook=str)
    display.put(show(result, now))


def _progress() -> Callable[[str], None]:
    """Shows how far work has come on one line of the terminal, which an empty text clears; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None
    width = Console(stderr=True).width - 1

    def show(text: str) -> None:
        print(f"\r\033[K{display.clipped(display.text(text), width)}", end="", file=sys.stderr, flush=True)

    return show


def _say(label: str, code: int, sentence: str) -> int:
    """One line on stderr, whatever an error's text looks like."""
    print(f"{label}: {display.text(' '.join(sentence.split()))}", file=sys.stderr)
    return code


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _foreseeable() -> tuple[type[Exception], ...]:
    """What may go wrong without a fault in this program: the database, the store, what was asked for."""
    import duckdb

    return (
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
