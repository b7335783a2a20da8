"""Contracts: the Soda YAML of one table, read through a strict schema of our own.

Soda ignores a threshold key it does not know and passes the check, so every file goes through here first: an
unknown key, a check without a name of its own or a contract without row_count is an error, not a warning.
Dataset filters and variables are left out on purpose: the filter does not reach custom queries, and variables
are plain text substitution. What a YAML file means is told by yaml_text.py; Soda is handed that reading and not the
file (gate.py), so that both cannot part.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from include.errors import NonRetryable
from include.quality import yaml_text

CONTRACTS = Path(__file__).resolve().parents[2] / "soda"
"""soda/ lies beside include/ in the repository, on Astro and in MWAA's plugins folder alike."""
DATA_SOURCE = "wh"
CHANGE_PREFIX = "change"
"""A check whose qualifier starts so is a change rule: it looks at what changed, and an operator may accept it."""

Number = int | float
Name = Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
Qualifier = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,60}$")]


class InvalidContract(NonRetryable, ValueError):
    """A contract file that the gate refuses to run."""


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=True):
    """Unknown keys are errors."""


class Between(Strict, frozen=True):
    """Bounds of must_be_between."""

    greater_than: Number | None = None
    greater_than_or_equal: Number | None = None
    less_than: Number | None = None
    less_than_or_equal: Number | None = None

    def __post_init__(self) -> None:
        lower = [self.greater_than, self.greater_than_or_equal].count(None)
        upper = [self.less_than, self.less_than_or_equal].count(None)
        if (lower, upper) != (1, 1):
            raise ValueError("bounds are one of greater_than… and one of less_than…")


class Additional(Strict, frozen=True):
    """A second threshold on the same figure, at the other level."""

    level: Literal["warn", "fail"] = "fail"
    must_be: Number | None = None
    must_not_be: Number | None = None
    must_be_greater_than: Number | None = None
    must_be_greater_than_or_equal: Number | None = None
    must_be_less_than: Number | None = None
    must_be_less_than_or_equal: Number | None = None
    must_be_between: Between | None = None
    must_be_not_between: Between | None = None

    def __post_init__(self) -> None:
        comparisons = [
            name
            for name in self.__struct_fields__
            if name.startswith("must_") and getattr(self, name) is not None
        ]
        # Soda builds no threshold at all, and passes, where two comparisons stand side by side.
        if len(comparisons) > 1 or (not comparisons and type(self) is Additional):
            raise ValueError(f"a threshold needs exactly one comparison, not {comparisons or 'none'}")


class Threshold(Additional, frozen=True):
    """When a check passes. Without a comparison Soda's default for the kind of check holds."""

    metric: Literal["count", "percent"] | None = None
    unit: Literal["minute", "hour", "day"] | None = None
    additional: Additional | None = None

    @property
    def blocks(self) -> bool:
        """Whether anything that it finds is more than a warning."""
        return "fail" in {self.level, self.additional.level if self.additional else None}


class Body(Strict, kw_only=True, frozen=True):
    """What every kind of check may have."""

    name: Name
    qualifier: Qualifier | None = None
    threshold: Threshold | None = None

    @property
    def blocks(self) -> bool:
        """Whether a candidate can fail by this check; else it only warns."""
        return self.threshold is None or self.threshold.blocks


class Filtered(Body, kw_only=True, frozen=True):
    """A check that may look at some of the rows only."""

    filter: str | None = None


class Format(Strict, kw_only=True, frozen=True):
    """A regular expression in DuckDB's flavour (RE2) and what it stands for."""

    regex: str
    name: str


class Reference(Strict, kw_only=True, frozen=True):
    """Another table that must hold the value."""

    dataset: str
    column: str


class Missing(Filtered, kw_only=True, frozen=True):
    """Nulls, and values that stand for nothing."""

    missing_values: list[str | int] | None = None


class Invalid(Filtered, kw_only=True, frozen=True):
    """Values that are not what they should be; nulls do not count."""

    valid_values: list[str | Number] | None = None
    valid_format: Format | None = None
    invalid_values: list[str | Number] | None = None
    invalid_format: Format | None = None
    valid_min: Number | None = None
    valid_max: Number | None = None
    valid_length: int | None = None
    valid_min_length: int | None = None
    valid_max_length: int | None = None
    valid_reference_data: Reference | None = None

    def __post_init__(self) -> None:
        rules = [name for name in self.__struct_fields__ if name.startswith(("valid_", "invalid_"))]
        if all(getattr(self, name) is None for name in rules):
            raise ValueError(f"nothing says which values are invalid; one of {', '.join(rules)} is needed")


class Aggregate(Filtered, kw_only=True, frozen=True):
    """A figure of one column."""

    function: Literal["avg", "avg_length", "max", "max_length", "min", "min_length", "sum"]
    threshold: Threshold


class ColumnDuplicate(Filtered, kw_only=True, frozen=True):
    """Values of one column that occur twice."""


class Schema(Body, kw_only=True, frozen=True):
    """The columns of the table are those of the contract."""

    allow_extra_columns: bool = False
    allow_other_column_order: bool = False


class RowCount(Filtered, kw_only=True, frozen=True):
    """How many rows there are."""


class Duplicate(Filtered, kw_only=True, frozen=True):
    """Combinations of columns that occur twice."""

    columns: Annotated[list[str], msgspec.Meta(min_length=1)]


class Freshness(Filtered, kw_only=True, frozen=True):
    """Age of the newest value of a time column."""

    column: str
    threshold: Threshold


class _Sql(Body, kw_only=True, frozen=True):
    expression: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        if (self.expression is None) == (self.query is None):
            raise ValueError("exactly one of expression and query is needed")


class FailedRows(_Sql, kw_only=True, frozen=True):
    """Rows that a condition or a query finds wrong."""


class Metric(_Sql, kw_only=True, frozen=True):
    """A figure from an expression or a query."""

    threshold: Threshold


class ColumnCheck(Strict, frozen=True):
    """One check of a column: exactly one kind."""

    missing: Missing | None = None
    invalid: Invalid | None = None
    aggregate: Aggregate | None = None
    duplicate: ColumnDuplicate | None = None
    metric: Metric | None = None
    failed_rows: FailedRows | None = None


class TableCheck(Strict, frozen=True):
    """One check of the table: exactly one kind."""

    schema: Schema | None = None
    row_count: RowCount | None = None
    duplicate: Duplicate | None = None
    freshness: Freshness | None = None
    failed_rows: FailedRows | None = None
    metric: Metric | None = None


class Column(Strict, kw_only=True, frozen=True):
    """A column and its checks."""

    name: str
    data_type: str
    description: str | None = None
    optional: bool = False
    checks: list[ColumnCheck] = []


class Check(Strict, kw_only=True, frozen=True):
    """One check, with the id by which Soda reports it."""

    id: str
    table: str
    column: str | None
    kind: str
    body: Body

    @property
    def rule(self) -> Literal["contract", "change"]:
        """Whether an operator may accept a failure of this check."""
        return "change" if (self.body.qualifier or "").startswith(CHANGE_PREFIX) else "contract"


class Contract(Strict, kw_only=True, frozen=True):
    """The contract of one table."""

    dataset: str
    columns: Annotated[list[Column], msgspec.Meta(min_length=1)]
    checks: Annotated[list[TableCheck], msgspec.Meta(min_length=1)]
    description: str | None = None

    @property
    def table(self) -> str:
        """Name of the table it guards."""
        return self.dataset.rsplit("/", 1)[-1]

    def all_checks(self) -> list[Check]:
        """Every check of the file, in order. Raises ValueError where a list item is not exactly one check."""
        found = []
        for column in self.columns:
            found += [self._check(item, column.name) for item in column.checks]
        return found + [self._check(item, None) for item in self.checks]

    def _check(self, item: ColumnCheck | TableCheck, column: str | None) -> Check:
        bodies = {kind: getattr(item, kind) for kind in item.__struct_fields__}
        given = {kind: body for kind, body in bodies.items() if body is not None}
        if len(given) != 1:
            raise ValueError(
                f"{column or self.table}: a list item holds exactly one check, not {sorted(given)}"
            )
        kind, body = next(iter(given.items()))
        path = f"columns.{column}.checks.{kind}" if column else f"checks.{kind}"
        check_id = f"{path}.{body.qualifier}" if body.qualifier else path
        return Check(id=check_id, table=self.table, column=column, kind=kind, body=body)


def load(path: Path) -> Contract:
    """Read one contract. Raises InvalidContract naming file, place, value and what is wrong."""
    return of(read(path), path)


def read(path: Path) -> Any:
    """What a contract file says, as plain data. Raises InvalidContract where that can be read in two ways."""
    try:
        return yaml_text.load(path.read_text(encoding="utf-8"))
    except (yaml_text.Ambiguous, UnicodeDecodeError) as error:
        raise InvalidContract(f"{path}: {error}") from error


def of(document: Any, path: Path) -> Contract:
    """The contract that a file holds. Raises InvalidContract."""
    try:
        contract = msgspec.convert(document, type=Contract)
        checks = contract.all_checks()
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidContract(f"{path}: {error}") from error
    if contract.dataset != f"{DATA_SOURCE}/main/{path.stem}":
        raise InvalidContract(
            f"{path}: dataset is {contract.dataset!r}; the file's name asks for '{DATA_SOURCE}/main/{path.stem}'"
        )
    ids = [check.id for check in checks]
    twice = sorted({check_id for check_id in ids if ids.count(check_id) > 1})
    if twice:
        raise InvalidContract(f"{path}: {', '.join(twice)} stands twice; give each a qualifier of its own")
    for kind in ("row_count", "schema"):
        # On an empty table missing, invalid and duplicate pass: only row_count sees that nothing came.
        if not any(check.kind == kind and check.body.blocks for check in checks):
            raise InvalidContract(f"{path}: a contract needs a {kind} check that can fail and not only warn")
    columns = re.compile("|".join(rf"\b{re.escape(column.name)}\b" for column in contract.columns))
    for check in checks:
        for name in ("filter", "expression"):
            condition = getattr(check.body, name, None)
            # A condition on nothing is true of every row or of none, and then the check looks at nothing.
            if condition is not None and check.kind != "metric" and not columns.search(condition):
                raise InvalidContract(
                    f"{path}: {check.id}: {name} {condition!r} names no column of {check.table}"
                )
        sql = getattr(check.body, "query", None) or getattr(check.body, "expression", None) or ""
        looks_at_changes = re.search(r"\b(arrivals|changes|growth|history|previous_\w+)\b", sql) is not None
        if looks_at_changes != (check.rule == "change"):
            raise InvalidContract(
                f"{path}: {check.id}: a qualifier starting with {CHANGE_PREFIX!r} marks the checks that read "
                "arrivals, changes, growth, history or previous_TABLE, and only those"
            )
    return contract


def load_all(source: str, tables: list[str], folder: Path = CONTRACTS) -> dict[str, Path]:
    """The contract file of every table of a source. Raises InvalidContract where one is missing or extra."""
    found = {path.stem: path for path in sorted((folder / source).glob("*.yml"))}
    missing, extra = sorted(set(tables) - found.keys()), sorted(found.keys() - set(tables))
    if missing or extra:
        raise InvalidContract(
            f"{folder / source}: every table has one contract; without one: {missing or 'none'}, "
            f"contracts without a table: {extra or 'none'}"
        )
    return found
