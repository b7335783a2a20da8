"""Answers requests below /api/v2 (docs/upstreams/ctgov.md): from path and parameters to status, headers and
body."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from sandbox.ctgov.corpus import LISTED, Corpus, scramble
from sandbox.ctgov.faults import Fault, Hits
from sandbox.ctgov.generator import Generator
from sandbox.ctgov.query import (
    BadRequestError,
    ListQuery,
    Selection,
    parse_list_query,
    parse_nct_id,
    parse_study_query,
    select,
    write_token,
)
from sandbox.sample.server import JSON, TEXT, Answer

ROOT = "/api/v2"
API_VERSION = "2.0.5"

_KEPT_SELECTIONS = 4
_SIZE_SAMPLE = 200


class Api:
    """The endpoints /version, /studies, /studies/{nctId} and /stats/size over one corpus. Not safe for
    threads."""

    def __init__(self, corpus: Corpus, generator: Generator) -> None:
        self._corpus = corpus
        self._generator = generator
        self._selections: dict[tuple[int, Selection], NDArray[np.int32]] = {}

    @property
    def etag(self) -> str:
        """One tag for the whole dataset, another one in every data version."""
        return f'"{scramble(self._corpus.seed, self._corpus.size, self._corpus.day):016x}"'

    def answer(self, path: str, parameters: Mapping[str, str], etag: str | None, hits: Hits) -> Answer:
        """Answer one GET. etag: what If-None-Match says. hits: faults that change the content of the
        answer."""
        endpoint = path.removeprefix(ROOT)
        try:
            if endpoint == "/studies":
                query = parse_list_query(parameters, self._corpus.seed)
                return self._unless_known(etag) or self._json(*self._page(query, hits))
            if endpoint.startswith("/studies/"):
                return self._study(path, parameters, etag)
            if endpoint == "/version":
                version = {"apiVersion": API_VERSION, "dataTimestamp": self._corpus.data_version}
                return self._unless_known(etag) or self._json(msgspec.json.encode(version))
            if endpoint == "/stats/size":
                return self._unless_known(etag) or self._json(self._sizes())
        except BadRequestError as error:
            return Answer(400, TEXT, [str(error).encode()])
        return Answer(404, TEXT, [f"Not found: {path}".encode()])

    def _unless_known(self, etag: str | None) -> Answer | None:
        known = etag is not None and self.etag in [tag.strip().removeprefix("W/") for tag in etag.split(",")]
        return Answer(304, JSON, [], {"ETag": self.etag}) if known else None

    def _json(self, *parts: bytes) -> Answer:
        return Answer(200, JSON, list(parts), {"ETag": self.etag})

    def _page(self, query: ListQuery, hits: Hits) -> list[bytes]:
        matching = self._matching(query.selection)
        if "lost" in hits:
            matching = self._without(hits["lost"].fault, matching)
        start = query.offset
        following = start + query.page_size
        if "duplicate_page" in hits:
            start = max(0, start - query.page_size)
        if "repeated_token" in hits:
            following = start
        page = matching[start : start + query.page_size].tolist()

        head = ""
        if query.count_total and query.first:
            drift = hits["moving_total"].number if "moving_total" in hits else 0
            head = f'"totalCount":{len(matching) + drift},'
        tail = ""
        if len(page) == query.page_size:  # no look-ahead: the page after a full last one is empty
            token = write_token(following, self._corpus.day, self._corpus.seed)
            tail = f',"nextPageToken":"{token}"'
        parts = [f'{{{head}"studies":['.encode()]
        every = hits["wrong_type"].fault.every if "wrong_type" in hits else 0
        for place, index in enumerate(page, 1):
            study = self._generator.encode(index, query.mask)
            if every and place % every == 0:
                study = _with_a_number_for_its_title(study)
            parts += (b"\n" if len(parts) == 1 else b",\n", study)
        return [*parts, b"\n" if page else b"  ", f"]{tail}}}".encode()]

    def _matching(self, selection: Selection) -> NDArray[np.int32]:
        key = (self._corpus.day, selection)
        if key not in self._selections:
            while len(self._selections) >= _KEPT_SELECTIONS:
                del self._selections[next(iter(self._selections))]
            self._selections[key] = select(self._corpus, selection)
        return self._selections[key]

    def _without(self, fault: Fault, matching: NDArray[np.int32]) -> NDArray[np.int32]:
        """What is left of some studies, given by index."""
        if not fault.ids:
            return matching[: int(fault.keep * len(matching))]
        lost = [self._corpus.find(number) for number in map(parse_nct_id, fault.ids) if number is not None]
        return matching[~np.isin(matching, [index for index in lost if index is not None])]

    def _study(self, path: str, parameters: Mapping[str, str], etag: str | None) -> Answer:
        name = path.rpartition("/")[2]
        mask = parse_study_query(parameters)
        number = parse_nct_id(name)
        if number is None:
            raise BadRequestError("Parameter `nctId` has incorrect format")
        index = self._corpus.find(number)
        if index is None:
            return Answer(404, TEXT, [f"NCT number NCT{number:08d} not found".encode()])
        if self._corpus.number(index) != number:
            location = f"{ROOT}/studies/{self._corpus.nct_id(index)}"
            return Answer(301, TEXT, [], {"Location": location})
        return self._unless_known(etag) or self._json(self._generator.encode(index, mask))

    def _sizes(self) -> bytes:
        """Statistics of JSON sizes; the total is exact, the others come from 200 studies spread over the
        sample."""
        listed = np.flatnonzero(self._corpus.column("state") == LISTED)
        step = max(1, len(listed) // _SIZE_SAMPLE)
        sizes = {int(index): len(self._generator.encode(int(index))) for index in listed[::step]}
        values = np.array(list(sizes.values()))
        largest = sorted(sizes, key=lambda index: -sizes[index])[:10]
        return msgspec.json.encode(
            {
                "averageSizeBytes": int(values.mean()),
                "largestStudies": [
                    {"id": self._corpus.nct_id(index), "sizeBytes": sizes[index]} for index in largest
                ],
                "percentiles": {str(p): int(np.percentile(values, p)) for p in (5, 25, 50, 75, 95, 99)},
                "ranges": [],
                "totalStudies": len(listed),
            }
        )


def _with_a_number_for_its_title(study: bytes) -> bytes:
    decoded = msgspec.json.decode(study)
    identification = decoded.get("protocolSection", {}).get("identificationModule", {})
    if "briefTitle" in identification:
        identification["briefTitle"] = len(identification["briefTitle"])
    return msgspec.json.encode(decoded)
