"""The trials of the three registries as PubChem has them, and how they are written: from a study of the
ctgov sample, or invented for a registry.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, get_args

import msgspec

from sandbox.ctgov import corpus as ctgov
from sandbox.ctgov import vocabulary as words
from sandbox.ctgov.fields import mask_of
from sandbox.ctgov.generator import Generator
from sandbox.pubchem.chemistry import Draws, draws
from sandbox.pubchem.vocabulary import (
    HOSTILE,
    HOSTILE_LINKS,
    IRREGULAR_STATUSES,
    PHASES,
    STATUSES,
    TITLE_FORMS,
)

Collection = Literal["clinicaltrials", "clinicaltrials_eu", "clinicaltrials_jp"]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)
CTGOV, EU, JAPAN = COLLECTIONS

_LINKS = {
    CTGOV: "https://clinicaltrials.gov/ct2/show/{id}",
    EU: "https://www.clinicaltrialsregister.eu/ctr-search/search?query={id}",
    JAPAN: "https://rctportal.niph.go.jp/en/detail?trial_id={id}",
}
_FIRST_BEYOND = 8_000_000  # NCT numbers of studies that the ctgov sample does not have, now or later
_HOSTILE_EVERY, _HOSTILE_LINK_EVERY = 29, 97
_FIRST_DAY = date(2004, 5, 1).toordinal()
_STUDY = mask_of(["BriefTitle", "Condition", "StudyType", "Phase", "InterventionName", "OverallStatus"])


class Trial(msgspec.Struct, frozen=True):
    """One trial of a registry. cids: every compound of it, the first of `product`, never empty; conditions:
    joined by bars; updated: day ordinal."""

    collection: Collection
    id: str
    cids: tuple[int, ...]
    title: str
    conditions: str
    interventions: str
    phase: str
    status: str
    updated: int
    disease_ids: tuple[int, ...]
    link: str

    @property
    def key(self) -> tuple[Collection, str]:
        return self.collection, self.id


class Writer:
    """Writes trials of one sample; the texts of the n-th one are chosen by n."""

    def __init__(self, seed: int, corpus: ctgov.Corpus) -> None:
        self._seed = seed
        self._corpus = corpus
        self._generator = Generator(corpus, 0)
        self._written = 0

    def of_study(self, index: int, cids: Sequence[int]) -> Trial:
        """The trial of a study of the ctgov sample, as that study is now."""
        study = msgspec.json.decode(self._generator.encode(index, _STUDY))["protocolSection"]
        name = self._corpus.nct_id(index)
        d = draws(self._seed, "study", name)
        products = [each["name"] for each in study["armsInterventionsModule"]["interventions"]]
        return self._trial(
            CTGOV,
            name,
            cids,
            title=study["identificationModule"]["briefTitle"],
            conditions=study["conditionsModule"]["conditions"],
            product=products[d[0] % len(products)],
            phase=PHASES[tuple(study["designModule"].get("phases", ()))],
            status=written_status(study["statusModule"]["overallStatus"]),
            updated=self._corpus.row(index).last_update,
            d=d,
        )

    def invented(self, collection: Collection, cids: Sequence[int], product: str, today: int) -> Trial:
        """A trial that no sample knows more about; it may have been updated on any day until today."""
        d = draws(self._seed, "trial", self._written)
        conditions = [words.COMMON_CONDITIONS[d[k] % len(words.COMMON_CONDITIONS)] for k in (1, 2, 3)]
        conditions = list(dict.fromkeys(conditions[: 1 + (d[4] & 1) + (d[4] & 2) // 2]))
        phases = list(PHASES.values())
        return self._trial(
            collection,
            _invented_id(collection, self._written, d),
            cids,
            title=TITLE_FORMS[d[5] % len(TITLE_FORMS)].format(drug=product, condition=conditions[0]),
            conditions=conditions,
            product="Placebo" if d[6] % 20 == 0 else product,
            phase=phases[d[7] % len(phases)],
            status=STATUSES[collection][d[8] % len(STATUSES[collection])],
            updated=_FIRST_DAY + (d[9] * 65536 + d[10]) % (today - _FIRST_DAY + 1),
            d=d,
        )

    def _trial(
        self,
        collection: Collection,
        name: str,
        cids: Sequence[int],
        *,
        title: str,
        conditions: list[str],
        product: str,
        phase: str,
        status: str,
        updated: int,
        d: Draws,
    ) -> Trial:
        count, self._written = self._written, self._written + 1
        link = _LINKS[collection]
        if count % _HOSTILE_EVERY == 0:
            text = HOSTILE[count // _HOSTILE_EVERY % len(HOSTILE)]
            title, conditions = f"{text} {title}", [*conditions, text]
        if count % _HOSTILE_LINK_EVERY == 0:
            link = HOSTILE_LINKS[count // _HOSTILE_LINK_EVERY % len(HOSTILE_LINKS)]
        return Trial(
            collection=collection,
            id=name,
            cids=tuple(dict.fromkeys(cids)),
            title=title,
            conditions="|".join(conditions),
            interventions=product,
            phase=phase,
            status=status,
            updated=updated,
            disease_ids=tuple(1_000 + draw % 9_000 for draw in d[12 : 12 + d[11] % 4]),
            link=link.format(id=name),
        )


def written_status(status: str) -> str:
    """A status of ClinicalTrials.gov as PubChem writes it."""
    return IRREGULAR_STATUSES.get(status) or status.replace("_", " ").capitalize()


def _invented_id(collection: Collection, number: int, d: Draws) -> str:
    if collection == CTGOV:
        return f"NCT{_FIRST_BEYOND + number:08d}"
    if collection == EU:
        return f"{2004 + number % 19}-{number % 1_000_000:06d}-{10 + d[0] % 90}"
    forms = ("jRCTs{:09d}", "UMIN{:09d}", "JapicCTI-{:06d}")
    return forms[d[0] % len(forms)].format(number % 1_000_000)
