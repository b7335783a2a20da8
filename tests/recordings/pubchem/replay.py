"""PubChem as it was recorded, behind a server that shares nothing with sandbox/ or include/.

What the recordings hold is served as it is; what they lack (properties of most compounds, rows of the siblings,
a compound with more rows than a page) is made in the shapes of docs/upstreams/pubchem.md. `fault` may answer in the
place of the server, `habit` may change what it answers.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from tests.recordings.served import Served

ALL, CTGOV, EU, JAPAN = 1856916, 3647573, 3647574, 3647575
COLLECTIONS = {CTGOV: "clinicaltrials", EU: "clinicaltrials_eu", JAPAN: "clinicaltrials_jp"}
ASPIRIN, LOSARTAN, HYDANTOIN, PRALSETINIB = 2244, 3961, 1174, 129073603
IBUPROFEN = 3672
"""Has a name, and a trial in every registry, whatever else a test has: PubChem is never without."""
GREEN = "Request Count status: Green (3%), Request Time status: Green (0%), Service status: Green (3%)"  # recorded
_FORM = "application/x-www-form-urlencoded"
_MAX_LIMIT = 10_000
_RENAMED = {"CanonicalSMILES": "ConnectivitySMILES", "IsomericSMILES": "SMILES"}

Row = dict[str, Any]
Kind = Literal["list", "trials", "properties", "name", "other"]


# --- What was recorded -------------------------------------------------------------------------------


def listed(folder: Path) -> list[int]:
    """The 11,851 compounds below the classification's node of clinical trials."""
    return [int(line) for line in (folder / "pubchem/hnid/clinical_trials_cids.txt").read_text().split()]


@cache
def observed(folder: Path) -> list[dict[str, Any]]:
    """The recorded faults and oddities: http, headers, body."""
    found: list[dict[str, Any]] = json.loads((folder / "pubchem/faults/observed_responses.json").read_text())
    return found


def json_rows(folder: Path) -> list[Row]:
    """The six rows that a peer had normalised, as the wire has them: `cids` an array, dates with hyphens."""
    wire = []
    for row in json.loads((folder / "pubchem/sdq/peer_normalised_sdq_rows_6.json").read_text()):
        one = {
            "ctid": row["id"],
            "cids": [int(cid) for cid in row["cids"].split("|")],
            "updatedate": row["date"],
            **{
                name: row[name]
                for name in ("link", "title", "conditions", "interventions", "phase", "status")
            },
        }
        if "diseaseids" in row:
            one["diseaseids"] = row["diseaseids"]
        wire.append(one)
    return wire


def pipe_rows(folder: Path) -> list[Row]:
    """The twelve rows of a download: `cids` with pipes, dates like 20241205, every second of them a number."""
    columns = {
        "CTID": "ctid",
        "Linked_Compound_CID": "cids",
        "Link": "link",
        "Title": "title",
        "Conditions": "conditions",
        "Interventions": "interventions",
        "Phase": "phase",
        "Status": "status",
        "Date": "updatedate",
        "PubChem_Disease_ID": "diseaseids",
    }
    path = folder / "pubchem/sdq/pubchem_cid_129073603_clinicaltrials.csv"
    with path.open(encoding="utf-8", newline="") as file:
        wire = [{columns[name]: row[name] for name in columns} for row in csv.DictReader(file)]
    for row in wire[::2]:
        row["updatedate"] = int(row["updatedate"])
    return wire


@cache
def recorded_properties(folder: Path) -> dict[int, Row]:
    """Properties that were recorded, some of them a few fields only. None of the recordings has a Title."""
    (aspirin,) = json.loads((folder / "pubchem/pug_rest/aspirin_properties_composed.json").read_text())[
        "PropertyTable"
    ]["Properties"]
    found = {ASPIRIN: aspirin}
    for answer in observed(folder):
        for row in answer["body"].get("PropertyTable", {}).get("Properties", []):
            found.setdefault(row["CID"], row)
    return found


@cache
def _peer_structures(folder: Path) -> dict[int, Row]:
    rows = json.loads((folder / "pubchem/sdq/peer_normalised_sdq_rows_6.json").read_text())
    return {
        row["cid"]: {"SMILES": row["smiles"], "InChIKey": row["inchikey"], "IUPACName": row["iupac_name"]}
        for row in rows
    }


# --- What the recordings lack ------------------------------------------------------------------------


def made_properties(folder: Path, cid: int) -> Row:
    """Properties of a compound in the recorded shape, a Title besides; of every third the names before 2025."""
    digest = hashlib.sha256(str(cid).encode()).digest()
    letters = "".join(chr(65 + byte % 26) for byte in digest)
    row = {
        **recorded_properties(folder)[ASPIRIN],
        "CID": cid,
        "Title": f"Compound {cid}",
        "MolecularWeight": f"{100 + digest[0]}.{digest[1]}",
        "InChIKey": f"{letters[:14]}-{letters[14:24]}-N",
        "Complexity": digest[2],
        "SMILES": f"[{cid}C]",
        "ConnectivitySMILES": "C" * (1 + digest[3] % 9),
        **_peer_structures(folder).get(cid, {}),
    }
    row["CanonicalSMILES"], row["IsomericSMILES"] = row["ConnectivitySMILES"], row["SMILES"]
    if cid % 5 == 0:
        del row["XLogP"]
    if cid % 3 == 0:
        del row["SMILES"], row["ConnectivitySMILES"]
    return row


def many_rows(folder: Path, cid: int, count: int) -> list[Row]:
    """As many trials of a compound, after the recorded ones."""
    models = json_rows(folder)
    return [
        {
            **models[number % len(models)],
            "ctid": f"NCT{90_000_000 + number:08d}",
            "cids": [cid, 6] if number % 7 == 0 else [cid],
            "title": f"Trial {number} of CID {cid}",
            "updatedate": f"20{number % 20:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        }
        for number in range(count)
    ]


def sibling_rows() -> dict[str, list[Row]]:
    """A few rows of the EU and the Japanese collection, which were not recorded."""
    return {
        "clinicaltrials_eu": [
            {
                "eudractnumber": f"20{10 + number}-00{number}234-1{number}",
                "cids": [6, ASPIRIN][: 1 + number % 2],
                "date": f"2015-0{1 + number}-24",
                "link": f"https://www.clinicaltrialsregister.eu/ctr-search/search?query=20{10 + number}",
                "title": f"EU trial {number}",
                "conditions": "Fever",
                "interventions": "Acetylsalicylic acid",
                "phase": "Phase 3",
                "status": "Ongoing",
            }
            for number in range(4)
        ],
        "clinicaltrials_jp": [
            {
                "ctid": f"JPRN-UMIN00000{number}",
                "cids": f"{ASPIRIN}|51",
                "date": 20160100 + number,
                "link": f"https://rctportal.niph.go.jp/en/detail?trial_id=UMIN00000{number}",
                "title": f"Japanese trial {number}",
                "conditions": "Fever|Pain",
                "interventions": "",
                "phase": "N/A",
                "status": "",
            }
            for number in range(1, 4)
        ],
    }


_OF_IBUPROFEN: Row = {
    "ctid": "NCT98765432",
    "eudractnumber": "2015-098765-43",
    "cids": [IBUPROFEN],
    "title": "Made",
}


# --- The server --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request as the server understood it; `number` counts the same question from 0."""

    kind: Kind
    about: str
    """What was asked for: the node, the collection and CID and start, the CIDs, the name."""
    number: int
    query: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """An answer; `chunked` and `close` are ways to send it."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    chunked: bool = False
    close: bool = False

    def with_header(self, name: str, value: str | None) -> Reply:
        """The same answer with another value of a header, or without it."""
        kept = {key: text for key, text in self.headers.items() if key.lower() != name.lower()}
        return replace(self, headers=kept if value is None else {**kept, name: value})

    def data(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def with_data(self, value: Any) -> Reply:
        """The same answer with other JSON."""
        return replace(self, body=json.dumps(value).encode())


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """JSON as PubChem sends it."""
    return Reply(
        status,
        json.dumps(value).encode(),
        {"Content-Type": "application/json", "X-Throttling-Control": GREEN, **(headers or {})},
    )


def as_recorded(entry: Mapping[str, Any]) -> Reply:
    """A recorded answer; an ellipsis in a body stands as it was recorded."""
    headers = {"Content-Type": "application/json", **entry.get("headers", {})}
    return Reply(entry["http"], json.dumps(entry["body"]).encode(), headers)


def text(body: str, content_type: str = "text/plain; charset=utf-8", status: int = 200) -> Reply:
    """Text as PubChem sends it."""
    return Reply(status, body.encode(), {"Content-Type": content_type, "X-Throttling-Control": GREEN})


def no_fault(asked: Asked) -> Reply | None:
    """The server answers itself."""
    return None


def no_habit(asked: Asked, reply: Reply) -> Reply:
    """The answer goes out as it is."""
    return reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    replay: PubChem

    def do_GET(self) -> None:
        self._answer("GET", {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer("POST", {name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, method: str, form: Mapping[str, str]) -> None:
        reply = self.replay.reply(method, self.path, form, self.headers.get("Content-Type", ""))
        self.send_response_only(reply.status)
        body = reply.body
        for name, value in reply.headers.items():
            self.send_header(name, value)
            if (name.lower(), value) == ("content-encoding", "gzip"):
                body = gzip.compress(body)
        if reply.close:
            self.send_header("Connection", "close")
            self.close_connection = True
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _parts(body)) + b"0\r\n\r\n"
        elif not reply.close:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Nothing is logged."""


@dataclass
class PubChem(Served):
    """The server; used as a context."""

    handler = _Handler
    folder: Path
    listed: dict[int, list[int]]
    trials: dict[str, list[Row]]
    properties: dict[int, Row]
    names: dict[str, list[int]] = field(default_factory=dict)
    fault: Callable[[Asked], Reply | None] = no_fault
    habit: Callable[[Asked, Reply], Reply] = no_habit
    belongs: Callable[[int, Row], bool] = lambda cid, row: cid in cids_of(row)
    """Whether a row of trials is an answer for a compound."""
    asked: list[tuple[Asked, int]] = field(default_factory=list)
    """What was asked for, and the status of the answer."""
    _times: Counter[tuple[str, str]] = field(default_factory=Counter)

    def forget(self) -> None:
        """Start counting again, and answer as recorded again."""
        self.asked.clear()
        self._times.clear()
        self.fault, self.habit = no_fault, no_habit

    def count(self, kind: Kind, status: int | None = None) -> int:
        """How often something of a kind was asked for."""
        return sum(asked.kind == kind and status in {None, was} for asked, was in self.asked)

    def reply(self, method: str, target: str, form: Mapping[str, str], content_type: str) -> Reply:
        """The answer to a request."""
        asked, own = self._understand(method, target, form, content_type)
        with self._lock:
            number = self._times[asked.kind, asked.about]
            self._times[asked.kind, asked.about] += 1
        asked = replace(asked, number=number)
        found = self.fault(asked)
        if found is None:
            found = self.habit(asked, own())
        with self._lock:
            self.asked.append((asked, found.status))
        return found

    def _understand(
        self, method: str, target: str, form: Mapping[str, str], content_type: str
    ) -> tuple[Asked, Callable[[], Reply]]:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/").split("/")
        good_form = method == "POST" and content_type.startswith(_FORM)
        match method, path:
            case "GET", ["sdq", "sdqagent.cgi"]:
                asked = json.loads(query["query"])
                about = f"{asked['collection']} {asked['where']['ands'][0]['cid']} {asked['start']}"
                return Asked("trials", about, 0, asked), partial(self._sdq, query, asked)
            case "GET", ["rest", "pug", "classification", "hnid", node, "cids", "TXT"]:
                return Asked("list", node, 0), partial(self._list, int(node))
            case "POST", ["rest", "pug", "compound", "cid", "property", names, "JSON"] if good_form:
                asked_for = partial(self._properties, names.split(","), form["cid"])
                return Asked("properties", form["cid"], 0), asked_for
            case "GET", ["rest", "pug", "compound", "name", name, "cids", "JSON"]:
                return Asked("name", unquote(name), 0), partial(self._name, unquote(name))
            case "POST", ["rest", "pug", "compound", "name", "cids", "JSON"] if good_form:
                return Asked("name", form["name"], 0), partial(self._name, form["name"])
        return Asked("other", f"{method} {target}", 0), partial(text, "404 page not found\n", status=404)

    def _list(self, node: int) -> Reply:
        if node not in self.listed:
            return text("404 page not found\n", status=404)
        return text("".join(f"{cid}\n" for cid in self.listed[node]))

    def _properties(self, names: list[str], cids: str) -> Reply:
        known = {*recorded_properties(self.folder)[ASPIRIN], "Title"}
        if strange := set(names) - known:
            fault = {"Code": "PUGREST.BadRequest", "Message": f"Invalid property {sorted(strange)}"}
            return answer({"Fault": fault}, 400)
        wanted = {"CID", *(_RENAMED.get(name, name) for name in names)}
        # A record that has the names before 2025 only is answered with them.
        old = {old for old, new in _RENAMED.items() if new in wanted}
        rows = []
        for cid in dict.fromkeys(map(int, cids.split(","))):
            if (row := self.properties.get(cid)) is not None:
                shown = wanted | (old if "SMILES" not in row and "ConnectivitySMILES" not in row else set())
                rows.append({name: value for name, value in row.items() if name in shown})
        if not rows:
            return as_recorded(observed(self.folder)[0])
        return answer({"PropertyTable": {"Properties": rows}})

    def _name(self, name: str) -> Reply:
        cids = {"ibuprofen": [IBUPROFEN], **self.names}.get(name.casefold())
        return (
            as_recorded(observed(self.folder)[0])
            if cids is None
            else answer({"IdentifierList": {"CID": cids}})
        )

    def _sdq(self, query: Mapping[str, str], asked: dict[str, Any]) -> Reply:
        rows = self.trials.get(asked["collection"])
        column, _, direction = asked["order"][0].partition(",")
        if (
            rows is None
            or query.get("infmt") != "json"
            or query.get("outfmt") != "json"
            or direction != "desc"
            or any(column not in row for row in rows)
        ):
            return as_recorded(observed(self.folder)[11])
        cid = int(asked["where"]["ands"][0]["cid"])
        own = [row for row in rows if self.belongs(cid, row)]
        if cid == IBUPROFEN and not own:
            own = [{**_OF_IBUPROFEN, column: "2015-06-24"}]
        own.sort(key=lambda row: str(row[column]).replace("-", ""), reverse=True)
        start, limit = int(asked["start"]), min(int(asked["limit"]), _MAX_LIMIT)
        shown = own[start - 1 : start - 1 + limit]
        if not shown:
            return as_recorded(
                {"http": 200, "body": _named(observed(self.folder)[10]["body"], asked["collection"])}
            )
        if asked["select"] != "*":
            shown = [{name: row[name] for name in asked["select"] if name in row} for row in shown]
        return answer(
            {
                "SDQOutputSet": [
                    {
                        "status": {"code": 0},
                        "inputCount": 1,
                        "totalCount": len(own),
                        "collection": asked["collection"],
                        "type": "json",
                        "rows": shown,
                    }
                ]
            }
        )


def cids_of(row: Row) -> list[int]:
    """The compounds of a row, in whichever shape."""
    cids = row["cids"]
    return cids if isinstance(cids, list) else [int(cid) for cid in cids.split("|")]


def _named(body: Any, collection: str) -> Any:
    (only,) = body["SDQOutputSet"]
    return {"SDQOutputSet": [{**only, "collection": collection}]}


def _parts(body: bytes) -> list[bytes]:
    return [body[start : start + 100] for start in range(0, len(body), 100)]


def recorded_pubchem(folder: Path, many: int = 1040) -> PubChem:
    """The recorded rows and every compound of them, aspirin with `many` rows, and twenty compounds without trials.

    Nothing is listed twice, and all that is listed is in the recorded list.
    """
    clinical = [*json_rows(folder), *pipe_rows(folder), *many_rows(folder, ASPIRIN, many)]
    siblings = sibling_rows()
    named = {cid for row in clinical for cid in cids_of(row)}
    registries = {CTGOV: sorted(named | {LOSARTAN}), EU: [6, 38, ASPIRIN], JAPAN: [51, ASPIRIN]}
    recorded = listed(folder)
    every = sorted({*named, LOSARTAN, HYDANTOIN, *recorded[100:120]})
    assert set(every) <= set(recorded)
    return PubChem(
        folder,
        {ALL: every, **registries},
        {"clinicaltrials": clinical, **siblings},
        {**{cid: made_properties(folder, cid) for cid in every}, **recorded_properties(folder)},
    )
