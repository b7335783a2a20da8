"""Answers requests to PUG REST and the structured-data query interface (docs/upstreams/pubchem.md)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sandbox.ctgov.corpus import scramble
from sandbox.pubchem import sdq
from sandbox.pubchem.compounds import MAX_CID
from sandbox.pubchem.faults import Hits, Subject
from sandbox.pubchem.world import ALL, Node, World
from sandbox.sample.server import JSON, TEXT, Answer, Incoming

PUG = "/rest/pug/"
SDQ = "/sdq/sdqagent.cgi"
NODES: dict[str, Node] = {
    "1856916": ALL,
    "3647573": "clinicaltrials",
    "3647574": "clinicaltrials_eu",
    "3647575": "clinicaltrials_jp",
}
"""Nodes of the classification: all clinical trials, and each registry's."""

_RENAMED = {"CanonicalSMILES": "ConnectivitySMILES", "IsomericSMILES": "SMILES"}
"""Properties that answer by another name since 2025."""
_PROPERTIES = {
    "MolecularFormula", "MolecularWeight", "ConnectivitySMILES", "SMILES", "InChI", "InChIKey", "IUPACName",
    "Title", "XLogP", "ExactMass", "MonoisotopicMass", "TPSA", "Complexity", "Charge", "HBondDonorCount",
    "HBondAcceptorCount", "RotatableBondCount", "HeavyAtomCount", "IsotopeAtomCount", "AtomStereoCount",
    "DefinedAtomStereoCount", "UndefinedAtomStereoCount", "BondStereoCount", "DefinedBondStereoCount",
    "UndefinedBondStereoCount", "CovalentUnitCount",
}  # fmt: skip


class FaultError(Exception):
    """A request that PUG REST answers with a fault."""

    def __init__(self, status: int, code: str, message: str, *details: str) -> None:
        super().__init__(message)
        self.answer = fault(status, code, message, *details)


def fault(status: int, code: str, message: str, *details: str) -> Answer:
    """The answer that says what went wrong, as PUG REST does. code: without PUGREST."""
    body: dict[str, Any] = {"Code": f"PUGREST.{code}", "Message": message}
    if details:
        body["Details"] = details
    return Answer(status, JSON, [msgspec.json.encode({"Fault": body})])


def subject_of(path: str, params: Mapping[str, str]) -> Subject:
    """What a request is about; nothing is said about one that makes no sense."""
    if path.startswith(SDQ):
        try:
            query = sdq.parse(params)
        except sdq.RejectedError:
            return Subject("trials")
        return Subject("trials", query.collection, query.cids, query.start > 1, query.select == "*")
    match path.removeprefix(PUG).split("/"):
        case ["classification", *_]:
            return Subject("classification")
        case ["compound", "name", *_]:
            return Subject("names")
        case ["compound", "cid", *_, "property", _, _]:
            asked = (params.get("cid") or path.split("/")[5]).split(",")
            return Subject("properties", cids=frozenset(int(cid) for cid in asked if cid.isdecimal()))
    return Subject("other")


class Api:
    """The endpoints over one world. Not safe for threads."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Incoming, hits: Hits) -> Answer:
        """Answer one request. hits: faults that change the content of the answer."""
        if request.path == SDQ:
            return self._trials(request, hits)
        if not request.path.startswith(PUG):
            return Answer(404, TEXT, [f"Not found: {request.path}".encode()])
        try:
            return self._pug(request, hits)
        except FaultError as error:
            return error.answer

    def _trials(self, request: Incoming, hits: Hits) -> Answer:
        if "rejected" in hits:
            return Answer(hits["rejected"].fault.status, JSON, [sdq.rejection("Query is rejected")])
        try:
            return Answer(200, JSON, [sdq.answer(self._world, sdq.parse(request.params), hits)])
        except sdq.RejectedError as error:
            return Answer(500, JSON, [sdq.rejection(str(error))])

    def _pug(self, request: Incoming, hits: Hits) -> Answer:
        params = request.params
        match request.method, *request.path.removeprefix(PUG).split("/"):
            case "GET", "classification", "hnid", node, "cids", "TXT":
                return self._list(node, hits)
            case "POST", "compound", "cid", "property", names, "JSON":
                return self._properties(params.get("cid", ""), names, hits)
            case "GET", "compound", "cid", cids, "property", names, "JSON":
                return self._properties(cids, names, hits)
            case "GET", "compound", "name", name, "cids", "JSON":
                return self._resolve(name)
            case "POST", "compound", "name", "cids", "JSON":
                return self._resolve(params.get("name", ""))
        raise FaultError(400, "BadRequest", "Unrecognized operation", request.path)

    def _list(self, node: str, hits: Hits) -> Answer:
        if node not in NODES:
            text = f"Status: 404\nCode: PUGREST.NotFound\nMessage: No data found\nDetail: No hierarchy node {node}\n"
            return Answer(404, TEXT, [text.encode()])
        cids = sorted(self._world.listed[NODES[node]])
        if "empty_list" in hits:
            cids = []
        if "shrunk_list" in hits:
            cids = cids[: int(len(cids) * hits["shrunk_list"].fault.keep)]
        text = "".join(f"{cid}\n" for cid in cids)
        if "cut_list" in hits:
            text = _cut(text, hits["cut_list"].fault.keep)
        return Answer(200, TEXT, [text.encode()])

    def _properties(self, cids: str, names: str, hits: Hits) -> Answer:
        wanted = [_RENAMED.get(name, name) for name in names.split(",")]
        for name in wanted:
            if name not in _PROPERTIES:
                raise FaultError(400, "BadRequest", "Invalid property", f"No property {name}")
        asked = _numbers(cids)
        if "poison" in hits:
            raise FaultError(500, "ServerError", "Unexpected server error")
        known = [found for cid in asked if (found := self._world.compounds.properties(cid)) is not None]
        if "lost" in hits:
            known = known[: int(len(known) * hits["lost"].fault.keep)]
        if not known:
            raise FaultError(404, "NotFound", "No CID found", "No CID found that matches the given input")
        rows = [{name: found[name] for name in ("CID", *wanted) if name in found} for found in known]
        rows.sort(key=lambda row: scramble(row["CID"]))  # in whatever order, but not in that of the request
        return Answer(200, JSON, [msgspec.json.encode({"PropertyTable": {"Properties": rows}})])

    def _resolve(self, name: str) -> Answer:
        if not name.strip():
            raise FaultError(400, "BadRequest", "Missing name")
        cids = self._world.compounds.resolve(name)
        if not cids:
            raise FaultError(404, "NotFound", "No CID found", "No CID found that matches the given name")
        return Answer(200, JSON, [msgspec.json.encode({"IdentifierList": {"CID": cids}})])


def _numbers(cids: str) -> Sequence[int]:
    """CIDs from a list with commas, each once."""
    asked = [cid.strip() for cid in cids.split(",")]
    if not all(cid.isdecimal() and 0 < int(cid) <= MAX_CID for cid in asked):
        raise FaultError(400, "BadRequest", "Invalid ID, must be positive integer")
    return list(dict.fromkeys(map(int, asked)))


def _cut(text: str, keep: float) -> str:
    """The share of a list of numbers, to within one of them."""
    end = int(len(text) * keep)
    while 0 < end < len(text) and not (text[end - 1].isdigit() and text[end].isdigit()):
        end -= 1
    return text[:end]
