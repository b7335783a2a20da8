# ruff: noqa: RUF001, SIM905  (look-alike characters are what is replaced; word lists read better as text)
"""Which names PubChem is asked for, and how they are written.

PubChem's names come from depositors as well: for a general word it may know a compound that nobody means. So a
name is asked for only if it can be the name of one compound. docs/name_resolution.md tells why, group by group.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from include.sources.ctgov import names

MIN_CHARACTERS = 3
"""Letters and digits of a name. Shorter ones (T3, S-1, NO) stand for too many things."""

MAX_CHARACTERS = 120
MAX_WORDS = 6
"""Longer names are prose, or doses and regimens that could not be cleaned."""

MAX_OTHERS = 20
"""Other names of one intervention that are looked up; the upstream limits neither their number nor their sense."""


class Names(NamedTuple):
    """The keys of one intervention, for `resolve`."""

    primary: str | None
    """The key of its clean name; None where PubChem is not asked for it."""
    others: tuple[str, ...]
    """The keys of its other names in their order, each once and without the primary."""


# --- How a name is written ---------------------------------------------------------------------------

_MARKS = re.compile(r"[®™©℠]")  # before NFKC, which makes ™ letters
_PLAIN = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "‒": "-", "’": "'", "‘": "'", "`": "'", "´": "'",
     "′": "'", "″": '"', "“": '"', "”": '"', "，": ",", "\u00ad": None, "\u200b": None, "\ufeff": None}
)  # fmt: skip
# PubChem spells Greek letters out. Only those that chemical names use.
_GREEK = str.maketrans(
    {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "κ": "kappa", "λ": "lambda",
     "μ": "mu", "π": "pi", "σ": "sigma", "τ": "tau", "ω": "omega"}
)  # fmt: skip
_EDGES = " .,;:'\"*=_|/&"


def _write(name: str) -> str:
    """Lower case, plain quotes and dashes, spelt-out Greek letters, single spaces."""
    if name.isascii():
        written = name.lower()
    else:
        name = unicodedata.normalize("NFKC", _MARKS.sub(" ", name.translate(_PLAIN)))
        # Once more, since lower case can undo the normal form.
        written = unicodedata.normalize("NFKC", name.casefold().translate(_PLAIN).translate(_GREEK))
    if not written.isprintable():
        written = "".join(char if char.isprintable() else " " for char in written)
    return " ".join(written.split()).strip(_EDGES)


# --- Which names are asked for -----------------------------------------------------------------------

_NO_PART_OF_A_NAME = frozenset(
    # The study and its design
    """
    treatment treatments treated therapy therapies therapeutic therapeutics intervention interventions arm arms
    group groups cohort phase stage period part cycle cycles regimen regimens schedule sequence protocol trial
    study studies experimental comparator comparators control controls controlled reference standard usual
    routine conventional best supportive choice observation observational open blind blinded labelled label
    randomized randomised active verum inactive sham dummy placebo vehicle compound product products formulation
    formulations combination combinations combined combo boost initial guided monotherapy maintenance induction
    consolidation salvage rescue early late delayed immediate intensive optimal optimized standardized
    individualized personalized two three four five six seven eight nine
    """
    # People, places and what they do
    """
    patient patients participant participants subject subjects adult adults child children infant infants
    volunteers healthy care nursing nurse clinic hospital home community education training exercise exercises
    activity physical walking lifestyle incentive incentives app software questionnaire survey interview
    counseling counselling mindfulness telephone video visit follow-up management program programme service
    support monitoring assessment evaluation strategy algorithm decision aid method methods technique techniques
    approach
    """
    # Procedures, samples and measurements
    """
    surgery surgical procedure operation resection transplant transplantation transfusion infusion injection
    injections biopsy scan imaging ultrasound laser radiation radiology irradiation anesthesia anaesthesia
    analgesia sedation block blockade nerve dialysis ventilation catheter stent implant device devices test
    tests testing screening detection measurement measurements measure level levels sample samples specimen
    urine analysis assay biomarker biomarkers collection diagnosis diagnostic determination sequencing
    """
    # Newer than WordNet
    """
    smartphone smartphones website websites online internet wearable wearables chatbot podcast podcasts webinar sms
    whatsapp wechat facebook youtube telehealth telemedicine telerehabilitation videoconferencing exergame exergames
    mhealth ehealth neurofeedback covid covid-19 nintendo wii kinect xbox
    """
    # Classes and groups of substances, and forms of medicines
    """
    drug drugs medication medications medicine medicines medicinal pharmaceutical agent agents substance
    substances inhibitor inhibitors agonist agonists antagonist antagonists blocker blockers modulator
    modulators stimulator stimulators antibody antibodies analog analogs analogue analogues derivative
    derivatives class hormone hormones hormonal enzyme enzymes vitamins minerals nutrients supplement
    supplements supplementation fluid fluids additive adjuvant kit mixture blend cocktail extract extracts
    herbal herb herbs decoction granules oil oils probiotic probiotics prebiotic prebiotics synbiotic synbiotics
    contrast tracer dye cream gel ointment lotion tablet tablets capsule capsules solution solutions suspension
    dose doses dosage dosing saline gum crystalloid crystalloids
    iud iuds ius aggregate inorganic pufa pufas omega filler fillers cocktails complex acids pet ct mri
    """
    # Food
    """
    diet diets dietary nutrition nutritional feeding food foods meal meals breakfast drink beverage juice milk
    tea coffee honey formula egg rice bread
    """
    # Connectors
    """
    and or with without plus versus vs for by from using via followed before after during until per every only
    alone no not any other others either than
    """.split()
)
"""Words that the name of one compound does not contain."""

_GENERIC = frozenset(
    # Classes of substances
    """
    steroid corticosteroid glucocorticoid opioid opiate nsaid statin diuretic analgesic anesthetic anaesthetic
    sedative benzodiazepine barbiturate laxative emollient moisturizer retinoid taxane anthracycline platinum
    fluoropyrimidine cephalosporin penicillins macrolide fluoroquinolone quinolone aminoglycoside carbapenem
    tetracyclines sulfonylurea biguanide thiazolidinedione bisphosphonate triptan estrogen progestin progestogen
    androgen contraceptive bronchodilator vasopressor vasodilator inotrope nitrate cannabinoid cannabis
    marijuana psychotropic neuroleptic ssri snri prostaglandin peptide electrolyte
    lipid polymer colloid biologic biosimilar generic immunosuppressant immunosuppression chemo surfactant prophylaxis
    dmard tki ici arb acei
    """
    # What dilutes a drug or is taken by everybody
    "water air ice salt sugar lactose "
    # Regimens and procedures by letters that are also those of a compound
    """
    chop r-chop flot xelox capox hipec tace haart cart hbot cpap tens tap esp
    cabg laba lama icd iui ocp prep pep tau
    """
    # What is left of a sentence
    "none nothing unknown various undefined usual".split()
)
"""Whole names, and their plurals, that stand for many compounds or for none."""

_ORDINARY_WORDS = Path(__file__).with_name("ordinary_words.txt")
"""What it holds and where it is from stands at its head."""
_CODE = re.compile(r"[a-z]{2,6}(?:-\d{3,}|\s\d{2,}-\d{3,}|\s\d{4,})[a-z]{0,3}")
"""A sponsor's code, of whatever letters: CAT-354, BAY 94-9027."""
_LAST_WORDS = frozenset(
    """
    blue green red violet purple yellow orange brown black white carmine indigo anhydrous hydrous basic conjugated
    human regular salt
    """.split()
)
"""Adjectives that a name may end in: indocyanine green, insulin human. Any other one was left behind by cleaning."""
_INFLECTIONS = (("ies", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"))
_NAMES_OF_ORDINARY_WORDS = frozenset(
    [
        "baking soda",
        "brilliant green",
        "coal tar",
        "congo red",
        "crystal violet",
        "epsom salt",
        "epsom salts",
        "fast green",
        "gentian violet",
        "laughing gas",
        "milk of magnesia",
        "patent blue",
        "prussian blue",
    ]
)

_ANTI = re.compile(
    r"anti-.*|anti(?:biotic|emetic|fungal|viral|retroviral|bacterial|microbial|mycotic|coagulant|coagulation"
    r"|platelet|depressant|psychotic|epileptic|convulsant|oxidant|hypertensive|malarial|septic|acid|histamine?"
    r"|tussive|pyretic|spasmodic|cholinergic|androgen|estrogen|metabolite|arrhythmic|diabetic|anginal"
    r"|thrombotic|rheumatic|tubercular|tuberculosis|parasitic|helminth?ic|inflammatory)s?"
)
"""Classes named by what they work against, and antibodies named by what they bind."""

_REGIMEN = re.compile(r"m?folf(?:ox|iri)\w*(?:-\d)?")
"""Regimens written in many ways: mFOLFOX6, FOLFIRINOX."""

_DEEDS = (
    "ment", "ments", "therapy", "therapies", "surgery", "ectomy", "plasty", "scopy", "graphy", "ostomy", "otomy",
    "metry", "ation", "ations", "ing", "ology", "ness", "osis", "iasis",
    "itis", "emia", "pathy", "ency", "fractionated",
)  # fmt: skip
"""Ends of words for what is done or had: pretreatment, radiosurgery, denervation, thrombosis."""

_LARGE_WORDS = frozenset(
    """
    vaccine vaccines vaccination toxoid toxoids antitoxin antivenom antivenin antiserum immunoglobulin
    immunoglobulins globulin globulins ivig alfa factor interferon albumin fibrinogen thrombin collagen gelatin
    fibrin protein proteins cell cells lymphocytes leukocytes platelet platelets erythrocytes blood plasma serum
    recombinant exosome exosomes tissue skin microbiota bacteria bacterium virus viral adenovirus lentivirus plasmid
    bacteriophage lactobacillus bifidobacterium akkermansia saccharomyces bacillus clostridium lactococcus
    faecalibacterium alvac sars-cov-2 allergen allergens pollen dna rna mrna ctdna cfdna plasmatic
    """.split()
)
_LARGE_ENDINGS = (
    "mab", "kinra", "cept", "leucel", "temcel", "ovec", "pvec", "grastim", "gramostim", "leukin", "poetin", "plermin",
    "fermin", "feron", "cog", "plase", "idase", "ginase", "genase", "kinase", "spargase", "aspase", "ricase", "ticase",
    "sulfase", "dornase", "lipase", "somatropin", "gonadotropin", "gonadotrophin", "toxina", "toxinb",
)  # fmt: skip
"""Ends of international names of antibodies, receptor fusions, cells, gene therapies, cytokines and enzymes."""

_BETWEEN_WORDS = str.maketrans(dict.fromkeys(",/()[]{}", " "))
_PARTNER = re.compile(r"\bcombin", re.IGNORECASE)
"""Says of another name that it is of a substance given with this one."""
_VOWEL = re.compile(r"[aeiouy]")
_DIGIT = re.compile(r"\d")
_PART_OF_A_WORD = 3
"""Characters from which what stands before or after a hyphen counts as a word: not the CT of CT-2103."""
_SHORT, _SHORT_CODE, _SHORT_CONSONANTS = 3, 4, 6


def key(name: str) -> str | None:
    """The name as PubChem is asked for it, or None where it must not be asked. `key(key(name)) == key(name)`.

    Lower case, single spaces, plain quotes and dashes, Greek letters spelt out. Never raises.
    """
    if len(name) > names.MAX_LENGTH:
        return None
    written = _write(name)
    if (
        len(written) > MAX_CHARACTERS
        or written.count(" ") >= MAX_WORDS
        or _characters(written) < MIN_CHARACTERS
        or not any(map(str.isalpha, written))
    ):
        return None
    words = _words(written)
    return None if _is_general(written, words) or _is_large(words) else written


def keys(name: str, other_names: Iterable[str], kind: str | None) -> Names:
    """The keys of an intervention of the given type by its clean name and its other names as received.

    Of the other names only those count that are of one substance, and no placebo or control. For a part of a
    split combination pass none: other names are those of the whole. Where the name, or the international name
    among the others, is of a substance that is too large to be a compound, there are no keys at all.
    """
    if _is_large(_words(_write(name))):
        return Names(None, ())
    primary = key(name)
    others: dict[str, None] = {}
    for other in islice(other_names, MAX_OTHERS):
        parts = names.clean(other, kind).parts
        if len(parts) > 1 or parts[0].clean_name is None or _PARTNER.search(other):
            continue
        if _is_protein(_words(_write(parts[0].clean_name))):
            return Names(None, ())
        found = key(parts[0].clean_name)
        if found is not None and found != primary:
            others[found] = None
    return Names(primary, tuple(others))


def is_abbreviation(key: str) -> bool:
    """Whether a key is so short that it stands for many things: mtx, prp, r21, sbrt, f/taf, mna-sf."""
    if "/" in key:
        return all(map(is_abbreviation, key.split("/")))
    if "-" in key and not _DIGIT.search(key):
        return all(map(is_abbreviation, key.split("-")))
    characters = _characters(key)
    if _DIGIT.search(key):
        return characters <= _SHORT_CODE
    return characters <= _SHORT or (characters <= _SHORT_CONSONANTS and _VOWEL.search(key) is None)


def _characters(written: str) -> int:
    return sum(map(str.isalnum, written))


def _words(written: str) -> list[str]:
    return written.translate(_BETWEEN_WORDS).split()


def _parts(words: list[str]) -> list[str]:
    """The words, and what stands between their hyphens."""
    hyphenated = (word.split("-") for word in words if "-" in word)
    return [*words, *(part for parts in hyphenated for part in parts if len(part) >= _PART_OF_A_WORD)]


def _is_general(written: str, words: list[str]) -> bool:
    return written not in _NAMES_OF_ORDINARY_WORDS and (
        written in _GENERIC
        or written.removesuffix("s") in _GENERIC
        or not _NO_PART_OF_A_NAME.isdisjoint(_parts(words))
        or any(word.endswith(_DEEDS) for word in words)
        or _ANTI.fullmatch(written) is not None
        or _REGIMEN.fullmatch(written) is not None
        or _is_ordinary(written, words)
    )


def _is_ordinary(written: str, words: list[str]) -> bool:
    """Whether a name has an ordinary English noun, ends in an ordinary word, or has no other: rest, treatment a."""
    parts = [part for word in words for part in word.replace("'", "-").split("-")]
    # What is shorter says nothing of itself.
    kinds = [_kind_of_word(part) for part in parts if len(part) >= MIN_CHARACTERS]
    if _CODE.fullmatch(written) is not None or not kinds:
        return False
    ends_in_one = words[-1] not in _LAST_WORDS and _kind_of_word(words[-1]) is not None
    return "noun" in kinds or all(kinds) or ends_in_one


@lru_cache(maxsize=1 << 15)
def _kind_of_word(word: str) -> str | None:
    """noun for a word, or the inflection of one, that no name of a compound has; other for another ordinary word."""
    ordinary = _ordinary_words()
    bases = (word.removesuffix(end) + base for end, base in _INFLECTIONS if word.endswith(end))
    return ordinary.get(word) or next((ordinary[base] for base in bases if base in ordinary), None)


@cache
def _ordinary_words() -> dict[str, str]:
    lines = _ORDINARY_WORDS.read_text(encoding="ascii").splitlines()
    words = (line.partition(" ") for line in lines if not line.startswith("#"))
    return {word: "noun" if kind else "other" for word, _, kind in words}


def _is_large(words: list[str]) -> bool:
    return not _LARGE_WORDS.isdisjoint(words) or _is_protein(words)


def _is_protein(words: list[str]) -> bool:
    return any(word.endswith(_LARGE_ENDINGS) for word in _parts(words))
