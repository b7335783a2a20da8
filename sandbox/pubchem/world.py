"""What the sample PubChem knows at a data version: compounds, names, trials, and what the classification lists.

The world is that of `sandbox.ctgov` with the same size and seed: its compounds are the drugs of those studies, and
its trials of ClinicalTrials.gov are those studies, but for a few that the ctgov sample does not have and those
of one popular compound. Data versions come on the same days, and each is a pure function of (size, seed, compounds,
number of advances).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from sandbox.ctgov.corpus import LISTED, Corpus, scramble, scramble_column
from sandbox.ctgov.generator import Study, Substance, substances
from sandbox.ctgov.vocabulary import DRUG_ENDINGS, DRUG_MIDDLES, DRUG_ONSETS, KNOWN_DRUGS
from sandbox.pubchem.chemistry import draws
from sandbox.pubchem.compounds import Compounds
from sandbox.pubchem.trials import COLLECTIONS, CTGOV, EU, JAPAN, Collection, Trial, Writer
from sandbox.pubchem.vocabulary import STATUSES

Node = Literal["all", "clinicaltrials", "clinicaltrials_eu", "clinicaltrials_jp"]
ALL: Node = "all"
Key = tuple[Collection, str]
"""Collection and id of a trial."""
T = TypeVar("T")

MAX_COMPOUNDS = 50_000
POPULAR = KNOWN_DRUGS[0]
POPULAR_TRIALS = 1_040
"""Trials of the popular compound beyond the ctgov sample: more than a page of 1,000 rows."""

BOUND = 1_000
"""The longest list in a summary."""

_STUDIES = 100_000  # of a larger ctgov sample PubChem knows every second study, or third, ...
_ROWS_PER_COMPOUND = 9.2
_TRIALS_PER_COMPOUND = {CTGOV: 0.01, EU: 0.35, JAPAN: 0.12}  # of trials without a study
_SHARES = {CTGOV: 0.72, EU: 0.2, JAPAN: 0.08}
_COMPOUNDS_PER_TRIAL = {
    1: 0.56, 2: 0.21, 3: 0.1, 4: 0.045, 5: 0.025, 6: 0.018, 8: 0.015, 10: 0.01, 13: 0.007, 18: 0.006, 24: 0.004,
}  # fmt: skip
_MEAN_PER_TRIAL = sum(count * share for count, share in _COMPOUNDS_PER_TRIAL.items())
_FLATTEN = 5  # of Zipf's law: the first compounds are met nearly alike

# How many of 1,000 ...
_UNLINKED = 80  # ... studies PubChem has not linked yet
_WITH_VARIANTS = 300  # ... trials name the salts and mirror images of their compounds too
_MENTIONED = 20  # ... compounds with trials no list names

_LISTED_WITHOUT_TRIALS_EVERY = 100  # compounds

# What a day brings besides what it brings to the ctgov sample
_CHANGED_SHARE, _DELETED_SHARE = 0.001, 0.00005
_LEAST_CHANGED, _LEAST_DELETED, _DEPOSITED, _FEW_TRIALS = 4, 2, 2, 5


class Advance(msgspec.Struct, frozen=True):
    """What one call of `World.advance` did, against the data version before the call.

    counts: the exact number of each kind; the lists below stop at 1,000. new_compounds: CIDs that the
    classification lists for the first time; dropped_compounds: CIDs that it lists no more, though
    their trials may stay; emptied_compounds: CIDs that lost their last trial, listed still; new_names: names
    that were not found before. Trials are (collection, id): changed_trials differ in any value, be it a
    compound.
    """

    data_version: str
    counts: dict[str, int]
    new_compounds: list[int]
    dropped_compounds: list[int]
    emptied_compounds: list[int]
    new_names: list[str]
    new_trials: list[Key]
    changed_trials: list[Key]
    deleted_trials: list[Key]


class World:
    """One sample at its current data version. Not safe for threads.

    size and seed: of the ctgov sample. compounds: fill up to so many, at about 9.2 rows each, with ones that
    no study of the sample tests; 0 adds none. day: advances to replay.
    """

    def __init__(self, size: int, seed: int, compounds: int = 0, day: int = 0) -> None:
        if not 0 <= compounds <= MAX_COMPOUNDS:
            raise ValueError(
                f"compounds is {compounds}; a sample has from 0 (as follows) to {MAX_COMPOUNDS:,}"
            )
        self.seed = seed
        self.day = 0
        self.compounds = Compounds(seed)
        self.trials: dict[Key, Trial] = {}
        self.listed: dict[Node, set[int]] = {ALL: set(), CTGOV: set(), EU: set(), JAPAN: set()}
        self._corpus = Corpus(size, seed)
        self._writer = Writer(seed, self._corpus)
        self._rows: dict[Collection, dict[int, set[str]]] = {name: {} for name in COLLECTIONS}
        self._popular = self.compounds.family(POPULAR)[0]
        self._dropped: set[int] = set()
        self._emptied: set[int] = set()
        self._waiting: dict[str, dict[int, None]] = {}  # unknown names, and the studies that test them
        self._without_study: dict[Key, None] = {}
        self._invented_names = 0
        self._build(compounds)
        for _ in range(day):
            self._step()

    @property
    def data_version(self) -> str:
        """The day of the data, as 2026-11-16. PubChem itself tells none."""
        return self._corpus.data_date.isoformat()

    def rows(self, collection: Collection, cids: Iterable[int] | None) -> list[Trial]:
        """The trials of a collection that have all these compounds, in no order; None: all trials."""
        if cids is None:
            return [trial for trial in self.trials.values() if trial.collection == collection]
        found = [self._rows[collection].get(cid, set()) for cid in cids]
        return [self.trials[collection, name] for name in set.intersection(*found)] if found else []

    # --- the first data version

    def _build(self, compounds: int) -> None:
        for index in range(0, len(self._corpus), 1 + len(self._corpus) // _STUDIES):
            self._add_study(index)
        while len(self.compounds) < compounds:
            self._invent_compound()
        order = list(self.compounds)
        today = self._corpus.data_date.toordinal()
        for _ in range(POPULAR_TRIALS):
            self._add(self._invented(CTGOV, [self._popular], today))
        lonely = iter([cid for cid in order if compounds and not self._trials_of(cid)])
        for collection, amount in self._amounts(compounds).items():
            self._add_invented(collection, amount, order, lonely)
        for _ in range(max(2, len(order) // _LISTED_WITHOUT_TRIALS_EVERY)):
            cid = self._invent_compound()
            self.listed[ALL].add(cid)
            self.listed[CTGOV].add(cid)

    def _amounts(self, compounds: int) -> dict[Collection, int]:
        """How many trials without a study each collection gets."""
        known = len(self.compounds)
        if not compounds:
            return {name: max(4, round(known * share)) for name, share in _TRIALS_PER_COMPOUND.items()}
        missing = _ROWS_PER_COMPOUND * known - sum(len(trial.cids) for trial in self.trials.values())
        return {name: round(missing / _MEAN_PER_TRIAL * share) for name, share in _SHARES.items()}

    def _add_invented(
        self, collection: Collection, amount: int, order: Sequence[int], firsts: Iterator[int]
    ) -> None:
        """Add trials without a study. firsts: the first compounds of the first trials; the others are drawn from
        `order` by Zipf's law."""
        today = self._corpus.data_date.toordinal()
        sizes = np.array(list(_COMPOUNDS_PER_TRIAL))
        counts = sizes[_pick(self._draw(amount, 0), np.array(list(_COMPOUNDS_PER_TRIAL.values())))].tolist()
        ranks = 1 / (np.arange(len(order)) + _FLATTEN)
        chosen = iter(_pick(self._draw(sum(counts), 1), ranks).tolist())
        for count in counts:
            cids = [order[next(chosen)] for _ in range(count)]
            cids[0] = next(firsts, cids[0])
            self._add(self._invented(collection, cids, today))

    def _draw(self, count: int, stream: int) -> NDArray[np.float64]:
        """So many numbers from [0, 1), others at each stage of the sample."""
        index = np.arange(count, dtype=np.uint64)
        return scramble_column(index, self.seed, len(self.trials), stream) / 2.0**64

    def _invented(self, collection: Collection, cids: Sequence[int], today: int) -> Trial:
        first = self.compounds.get(cids[0])
        assert first is not None, "trials are made of compounds that are known"
        trial = self._writer.invented(collection, cids, first.substance, today)
        self._without_study[trial.key] = None
        return trial

    def _invent_compound(self) -> int:
        """Add a compound whose name no study has; returns its CID."""
        while True:
            d = draws(self.seed, "name", self._invented_names)
            self._invented_names += 1
            parts = (DRUG_ONSETS, DRUG_MIDDLES, DRUG_MIDDLES, DRUG_ENDINGS)
            name = "".join(
                words[draw % len(words)] for words, draw in zip(parts, d, strict=False)
            ).capitalize()
            if not self.compounds.family(name):
                self.compounds.deposit(name)
                return self.compounds.family(name)[0]

    # --- studies of the ctgov sample

    def _add_study(self, index: int) -> None:
        """Name what a study tests, and link the study with the compounds among it; once more after a change."""
        if self._corpus.row(index).state != LISTED:
            return
        study = Study(self._corpus, index, 0.0)
        if study.withheld:
            return
        tested = substances(study)
        for substance in tested:
            self._meet(substance)
            if not self.compounds.family(substance.name):
                self._waiting.setdefault(substance.name, {})[index] = None
        cids = self._linked(study.nct_id, tested)
        if cids:
            self._add(self._writer.of_study(index, cids))

    def _meet(self, substance: Substance) -> None:
        self.compounds.meet(substance.name, biological=substance.biological, is_code=substance.is_code)
        for code in substance.codes:
            self.compounds.alias(code, substance.name)
            self.compounds.meet(code, is_code=True)
        for name in substance.other_names:
            self.compounds.meet(name)

    def _linked(self, nct_id: str, tested: Sequence[Substance]) -> list[int]:
        d = draws(self.seed, "linked", nct_id)
        if d[0] % 1000 < _UNLINKED:
            return []
        families = [self.compounds.family(substance.name) for substance in tested]
        whole = d[1] % 1000 < _WITH_VARIANTS
        return [
            cid for family in families for cid in family[: None if whole else 1] if cid not in self._emptied
        ]

    # --- trials and lists

    def _add(self, trial: Trial) -> None:
        """Add a trial, or replace the one of this id."""
        if trial.key in self.trials:
            self._unlink(self.trials[trial.key])
        self.trials[trial.key] = trial
        for cid in trial.cids:
            self._rows[trial.collection].setdefault(cid, set()).add(trial.id)
            if self._is_listed(cid):
                self.listed[ALL].add(cid)
                self.listed[trial.collection].add(cid)

    def _delete(self, key: Key) -> None:
        self._unlink(self.trials.pop(key))
        self._without_study.pop(key, None)

    def _unlink(self, trial: Trial) -> None:
        for cid in trial.cids:
            self._rows[trial.collection][cid].discard(trial.id)

    def _is_listed(self, cid: int) -> bool:
        mentioned = cid != self._popular and draws(self.seed, "mentioned", cid)[0] % 1000 < _MENTIONED
        return not mentioned and cid not in self._dropped

    # --- data versions

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` weekdays later and tell what differs from the present one."""
        if days < 1:
            raise ValueError(f"days is {days}; a data version only moves forward")
        trials, listed = dict(self.trials), set(self.listed[ALL])
        tested, named = self._with_trials(), self._named()
        for _ in range(days):
            self._step()
        found: dict[str, list[Any]] = {
            "new_compounds": sorted(self.listed[ALL] - listed),
            "dropped_compounds": sorted(listed - self.listed[ALL]),
            "emptied_compounds": sorted(tested - self._with_trials()),
            "new_names": sorted(self._named() - named),
            "new_trials": [key for key in self.trials if key not in trials],
            "changed_trials": [key for key, trial in trials.items() if self.trials.get(key, trial) != trial],
            "deleted_trials": [key for key in trials if key not in self.trials],
        }
        counts = {kind: len(values) for kind, values in found.items()}
        return Advance(self.data_version, counts, **{kind: values[:BOUND] for kind, values in found.items()})

    def _with_trials(self) -> set[int]:
        return {cid for rows in self._rows.values() for cid, names in rows.items() if names}

    def _named(self) -> set[str]:
        return {name for name, cids in self.compounds.names().items() if cids}

    def _step(self) -> None:
        self.day += 1
        moved = self._corpus.advance()
        for name in moved.removed:
            if (CTGOV, name) in self.trials:
                self._delete((CTGOV, name))
        for name in [*moved.changed, *moved.new]:
            index = self._corpus.find(int(name.removeprefix("NCT")))
            if index is not None:
                self._add_study(index)
        self._deposit()
        self._change_invented()
        self._delete_invented()
        self._drop()
        self._empty()

    def _deposit(self) -> None:
        """Give compounds to names that had none, and bring in compounds that nobody knew."""
        unknown = [name for name in self._waiting if not self.compounds.family(name)]
        for name in self._choose(unknown, _DEPOSITED, 0):
            self.compounds.deposit(name)
            for index in self._waiting.pop(name):
                self._add_study(index)
        today = self._corpus.data_date.toordinal()
        for collection in COLLECTIONS:
            trial = self._invented(collection, [self._invent_compound()], today)
            self._add(replace(trial, updated=today))

    def _change_invented(self) -> None:
        amount = max(_LEAST_CHANGED, round(len(self.trials) * _CHANGED_SHARE))
        for key in self._choose(list(self._without_study), amount, 1):
            trial = self.trials[key]
            statuses = STATUSES[trial.collection]
            following = statuses[(statuses.index(trial.status) + 1) % len(statuses)]
            self._add(replace(trial, status=following, updated=self._corpus.data_date.toordinal()))

    def _delete_invented(self) -> None:
        amount = max(_LEAST_DELETED, round(len(self.trials) * _DELETED_SHARE))
        others = [key for key in self._without_study if self._popular not in self.trials[key].cids]
        for key in self._choose(others, amount, 2):
            self._delete(key)

    def _drop(self) -> None:
        """Take a compound from every list; its trials stay."""
        for cid in self._choose(sorted(self.listed[ALL] - {self._popular}), 1, 3):
            self._dropped.add(cid)
            for cids in self.listed.values():
                cids.discard(cid)

    def _empty(self) -> None:
        """Take a compound of few trials out of each of them; the lists keep it."""
        few = [cid for cid in sorted(self.listed[ALL]) if 0 < len(self._trials_of(cid)) <= _FEW_TRIALS]
        for cid in self._choose(few, 1, 4):
            self._emptied.add(cid)
            for trial in self._trials_of(cid):
                left = tuple(other for other in trial.cids if other != cid)
                if left:
                    self._add(replace(trial, cids=left))
                else:
                    self._delete(trial.key)

    def _trials_of(self, cid: int) -> list[Trial]:
        return [trial for collection in COLLECTIONS for trial in self.rows(collection, [cid])]

    def _choose(self, values: Sequence[T], amount: int, stream: int) -> list[T]:
        """So many different ones of these values, fewer where there are not enough; the same for each day."""
        draws = (scramble(self.seed, self.day, stream, attempt) for attempt in range(20 * amount))
        chosen = list(dict.fromkeys(draw % len(values) for draw in draws)) if values else []
        return [values[place] for place in chosen[:amount]]


def _pick(draw: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the weight that each draw from [0, 1) falls on."""
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, draw, side="right"), len(weights) - 1)
