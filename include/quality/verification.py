"""One contract through Soda. It imports Soda, which takes a second; the gate imports this when it judges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import msgspec
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from soda_core.common.yaml import ContractYamlSource, FileType, YamlObject
from soda_core.contracts.contract_verification import (
    ContractVerificationSession,
    ContractVerificationSessionResult,
)
from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

from include.quality.contract import DATA_SOURCE


class _Map(CommentedMap):  # type: ignore[misc]
    """What Soda asks a mapping for where it stood in its file; one that is copied as itself."""

    def __deepcopy__(self, memo: Any) -> Self:
        return self


class _List(CommentedSeq):  # type: ignore[misc]
    """The same of a list."""

    def __deepcopy__(self, memo: Any) -> Self:
        return self


RoundTripRepresenter.add_representer(_Map, RoundTripRepresenter.represent_dict)
RoundTripRepresenter.add_representer(_List, RoundTripRepresenter.represent_list)


class _Document(ContractYamlSource, file_type=FileType.CONTRACT):  # type: ignore[call-arg, misc]
    """A contract that was read already, so that Soda reads what we read.

    Soda would parse its text with ruamel.yaml and copy each part of it whenever it looks at it, in case that it finds a
    variable to resolve: two thirds of a gate. There are no variables in our contracts (contract.py), and each session
    gets a document of its own.
    """

    def __init__(self, document: Mapping[str, Any], path: str) -> None:
        super().__init__(file_path=path, yaml_str=msgspec.json.encode(document).decode())
        self._document = document

    def parse(self) -> YamlObject:
        """The contract as Soda's parser gives it, without the places in a file."""
        return YamlObject(self, _commented(self._document))


def _commented(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _Map({key: _commented(each) for key, each in value.items()})
    if isinstance(value, list):
        return _List([_commented(each) for each in value])
    return value


def verify(
    connection: Any, document: Mapping[str, Any], path: str, data_time: datetime
) -> ContractVerificationSessionResult:
    """What Soda finds of the tables of a DuckDB connection by a contract (contract.read).

    `path` names the contract in messages of Soda's.
    """
    return ContractVerificationSession.execute(
        contract_yaml_sources=[_Document(document, path)],
        data_source_impls=[DuckDBDataSourceImpl.from_existing_cursor(connection, name=DATA_SOURCE)],
        data_timestamp=data_time.isoformat(),
    )
