"""Asking PubChem: lists of compounds, the trials of one, the properties of many, the compounds of a name.

An answer counts only if it is for what was asked: each row of trials holds the compound, and pages add up to what
was declared (docs/upstreams/pubchem.md).
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Annotated
from urllib.parse import quote

import msgspec

from include.decoding import decoder
from include.sources.pubchem import rows
from include.sources.pubchem.records import COLLECTIONS, Lookup, NameLookup, Properties, Unit
from include.sources.pubchem.response_policy import Sdq, SdqSet
from include.upstream.answers import Answer, ContractBreak, Kind, Transient
from include.upstream.session import UpstreamSession

PUG = "rest/pug"
SDQ = "sdq/sdqagent.cgi"
ALL_NODE = 1856916
PAGE_ROWS = 1000
ROWS_MAX = 50_000
"""Trials of one compound in one registry; more of them are the whole registry, asked without the filter."""
DRIFTS = 3
HALVINGS = 7
COLUMNS = ("cids", "link", "title", "conditions", "interventions", "phase", "status", "diseaseids")
"""What is read of a trial beside its id and date; other columns of free text have broken the JSON."""
PROPERTIES = (
    "Title", "MolecularFormula", "MolecularWeight", "ExactMass", "MonoisotopicMass", "SMILES",
    "ConnectivitySMILES", "InChI", "InChIKey", "IUPACName", "XLogP", "TPSA", "Complexity", "Charge",
    "HBondDonorCount", "HBondAcceptorCount", "RotatableBondCount", "HeavyAtomCount", "IsotopeAtomCount",
    "AtomStereoCount", "BondStereoCount", "CovalentUnitCount",
)  # fmt: skip
log = logging.getLogger(__name__)


class _Identifiers(msgspec.Struct):
    CID: Annotated[list[int], msgspec.Meta(min_length=1)]


class _Names(msgspec.Struct):
    IdentifierList: _Identifiers


class _Table(msgspec.Struct):
    Properties: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]


class _PropertyTable(msgspec.Struct):
    PropertyTable: _Table


class _WithCid(msgspec.Struct):
    CID: int


def goes_by_post(name: str) -> bool:
    """Whether a name cannot stand in a path."""
    return "/" in name or "\\" in name or set(name) <= {"."}


class Asker:
    """Asks PubChem for one item at a time and says what came; threads share it."""

    def __init__(self, upstream: UpstreamSession) -> None:
        self.upstream = upstream
        # Collections whose projection was good, and those that are asked for all columns.
        self._projected: set[str] = set()
        self._whole: set[str] = set()

    def compounds_below(self, hnid: int) -> list[int]:
        """The compounds below a node of the classification, in order.

        Raises Transient where PubChem says that there is no such node, or nothing below it, since all that are asked
        for are known to be there, and ContractBreak for anything but a list of numbers.
        """
        answer = self.upstream.get(self._node(hnid), expect="text/plain")
        if answer.kind is Kind.EMPTY or not answer.body.strip():
            has_no = "has no node" if answer.kind is Kind.EMPTY else "lists no compound below node"
            raise Transient(
                f"{answer.describe()}: PubChem's classification {has_no} {hnid} any more. Nothing is taken for "
                "removed and latest stays. The next try asks again; if it stays so, look where the classification "
                "lists compounds with clinical trials now."
            )
        try:
            cids = sorted({int(line) for line in answer.body.split()})
        except ValueError as error:
            raise ContractBreak(f"{answer.describe()}, which is no list of numbers: {error}.") from error
        if cids[0] < 1:
            raise ContractBreak(
                f"{answer.describe()}: {cids[0]} is no compound. Latest stays; look at the node {hnid}."
            )
        return cids

    @staticmethod
    def _node(hnid: int) -> str:
        return f"{PUG}/classification/hnid/{hnid}/cids/TXT"

    def pulse(self) -> None:
        """Ask for something that has an answer. Raises where PubChem itself is away."""
        self.upstream.get(self._node(ALL_NODE), expect="text/plain")

    def trials(self, unit: Unit) -> Lookup:
        """All trials of a compound in a registry. Raises ContractBreak, also where the rows keep changing."""
        for _ in range(DRIFTS):
            found = self._trials(unit)
            if found is not None:
                return Lookup(unit.cid, unit.collection, "done" if found else "none", found)
        raise ContractBreak(
            f"the rows of {unit.collection} for CID {unit.cid} changed between their pages {DRIFTS} times in a row"
        )

    def _trials(self, unit: Unit) -> list[msgspec.Raw] | None:
        """The rows of a unit, page by page; None where they changed meanwhile or do not add up."""
        found: list[msgspec.Raw] = []
        seen: set[bytes] = set()
        declared: int | None = None
        while declared is None or len(found) < declared:
            page = self._page(unit, start=len(found) + 1)
            declared = page.totalCount if declared is None else declared
            self._check(unit, page)
            came = page.rows or []
            fresh = {bytes(row) for row in came}
            if page.totalCount != declared or (declared and not came) or fresh & seen:
                return None
            found += came
            seen |= fresh
        return found if len(found) == declared else None

    def _check(self, unit: Unit, page: SdqSet) -> None:
        """Raise ContractBreak where an answer is not for the compound that was asked for."""
        for row in page.rows or ():
            if unit.cid not in rows.cids_of(row):
                raise ContractBreak(
                    f"{unit.collection} answered for CID {unit.cid} with a row of other compounds: the filter is "
                    "ignored, so nothing of this answer is taken"
                )
        if page.totalCount > ROWS_MAX:
            raise ContractBreak(
                f"{unit.collection} declares {page.totalCount} rows for CID {unit.cid}, more than {ROWS_MAX}"
            )

    def _page(self, unit: Unit, start: int) -> SdqSet:
        """One page; where the projection was never good and is rejected, all columns are asked for."""
        registry = COLLECTIONS[unit.collection]
        if unit.collection not in self._whole:
            try:
                page = self._query(unit, [registry.id, *COLUMNS, registry.date], start)
            except ContractBreak as error:
                if unit.collection in self._projected:
                    raise
                log.warning("%s: asked for all columns from now on, since: %s", unit.collection, error)
                self._whole.add(unit.collection)
            else:
                self._projected.add(unit.collection)
                return page
        return self._query(unit, "*", start)

    def _query(self, unit: Unit, columns: list[str] | str, start: int) -> SdqSet:
        query = {
            "select": columns,
            "collection": unit.collection,
            "where": {"ands": [{"cid": str(unit.cid)}]},
            "order": [f"{COLLECTIONS[unit.collection].date},desc"],
            "start": start,
            "limit": PAGE_ROWS,
        }
        text = msgspec.json.encode(query).decode()
        answer = self.upstream.get(SDQ, {"infmt": "json", "outfmt": "json", "query": text})
        if answer.kind is Kind.EMPTY:
            raise ContractBreak(f"{answer.describe()}: the interface is not there")
        sets = answer.json(Sdq, strict=False).SDQOutputSet
        if len(sets) != 1 or sets[0].status.rejected:
            raise ContractBreak(f"{answer.describe()}: the query was rejected")
        return sets[0]

    def name(self, name: str, *, by_post: bool | None = None) -> NameLookup:
        """The compounds that a name stands for; none where PubChem knows no such name.

        `by_post` asks in the one way or the other, whatever the name would need (see goes_by_post).
        """
        answer = self._named(name, by_post=goes_by_post(name) if by_post is None else by_post)
        cids = [] if answer.kind is Kind.EMPTY else answer.json(_Names, strict=False).IdentifierList.CID
        # CID 0 stands for a substance without a compound.
        cids = [cid for cid in dict.fromkeys(cids) if cid > 0]
        return NameLookup(name, "done" if cids else "none", cids)

    def _named(self, name: str, *, by_post: bool) -> Answer:
        if by_post:
            return self.upstream.post(f"{PUG}/compound/name/cids/JSON", {"name": name})
        return self.upstream.get(f"{PUG}/compound/name/{quote(name, safe='')}/cids/JSON")

    def properties(self, cids: list[int]) -> list[Properties]:
        """The properties of compounds, joined by CID; halves a batch that fails until the culprit stands alone.

        Raises the last error where none of HALVINGS pieces was answered: that is no culprit in the batch.
        """
        found: list[Properties] = []
        failures = 0
        batches = deque([cids])
        # The good half of a bad batch is asked before the bad half is halved again: its answer tells the breaker
        # that the upstream is well.
        while batches:
            batch = batches.popleft()
            try:
                found += self._properties(batch)
            except (Transient, ContractBreak) as error:
                failures += 1
                if not found and failures > HALVINGS:
                    raise
                if len(batch) == 1:
                    found.append(Properties(batch[0], "failed", error=str(error)[:1000]))
                else:
                    middle = len(batch) // 2
                    batches += [batch[:middle], batch[middle:]]
        return found

    def _properties(self, cids: list[int]) -> list[Properties]:
        path = f"{PUG}/compound/cid/property/{','.join(PROPERTIES)}/JSON"
        answer = self.upstream.post(path, {"cid": ",".join(map(str, cids))})
        came = {}
        if answer.kind is not Kind.EMPTY:
            table = answer.json(_PropertyTable).PropertyTable.Properties
            came = {decoder(_WithCid, strict=False).decode(row).CID: row for row in table}
        if strangers := came.keys() - set(cids):
            raise ContractBreak(
                f"{answer.describe()}: properties of {sorted(strangers)[:5]} were not asked for"
            )
        return [Properties(c, "done", came[c]) if c in came else Properties(c, "none") for c in cids]
