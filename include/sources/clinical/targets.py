# ruff: noqa: RUF001  (look-alike characters are what is replaced)
"""Molecular targets that a study names: HER2, PD-1, VEGFR and the like, by the symbol in common use.

A target counts where it is written down; what a drug hits is not looked up, so imatinib alone names none. What a
text says is absent, unaltered or ruled out is no target: "HER2-negative", "KRAS wild-type", "without EGFR mutation".
Little of it is there and can be hit: "HER2-low" is HER2.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

_TARGETS = """
4-1BB: CD137 TNFRSF9
5-HT2A
5-HT3
ACE2
AKT: AKT1
ANGPTL3
AXL
B7-H3: CD276
B7-H4
BACE1
BAFF: BLyS
BCL-2
BCMA: TNFRSF17
BCR-ABL: BCR/ABL BCR-ABL1
BET: BRD4
BRAF: BRAFV600 BRAFV600E
BTK: Bruton's_tyrosine_kinase Bruton_tyrosine_kinase
CCR4
CCR5
CD123
CD19
CD20
CD22
CD25
CD3
CD30
CD33
CD38
CD40
CD40L: CD154
CD47
CD52
CD70
CD73
CD79B
CDK2
CDK4/6: CDK4 CDK6 CDK4/CDK6
CDK7
CDK9
CEACAM5
CETP
CFTR
CGRP
CLDN18.2: claudin-18.2
CSF1R
CTLA-4
CXCR4
DLL3
DPP-4: DPP-IV dipeptidyl_peptidase-4
EGFR: EGFRvIII HER1 ErbB1 epidermal_growth_factor_receptor
EZH2
FcRn
FGF21
FGFR: FGF_receptor FGFR1 FGFR2 FGFR3 FGFR4
FLT3
FOLR1: FRalpha folate_receptor_alpha
FXR
GD2
GIPR: GIP_receptor
GLP-1: GLP-1R glucagon-like_peptide-1
GM-CSF
GPC3: glypican-3
GPRC5D
HDAC
HER2: HER2/neu HER2neu ErbB2 epidermal_growth_factor_receptor-2 human_epidermal_growth_factor_receptor-2
HER3: ErbB3
HIF-2alpha: HIF-2a
HMG-CoA_reductase: HMGCR
IDH1
IDH2
IDO1
IGF-1R
IL-1: IL-1alpha IL-1beta IL-1b interleukin-1
IL-12: interleukin-12
IL-12/23: IL-12/IL-23
IL-13: interleukin-13
IL-15: interleukin-15
IL-17: IL-17A IL-17F interleukin-17 interleukin-17A
IL-18
IL-2: interleukin-2
IL-21
IL-22
IL-23: IL-23p19 interleukin-23
IL-31: interleukin-31
IL-33: interleukin-33
IL-36R: IL-36_receptor
IL-4: interleukin-4
IL-4R: IL-4Ralpha IL-4_receptor interleukin-4_receptor
IL-5: interleukin-5
IL-5R: IL-5Ralpha IL-5_receptor interleukin-5_receptor
IL-6: interleukin-6
IL-6R: IL-6_receptor interleukin-6_receptor
JAK: janus_kinase
JAK1
JAK2
JAK3
KRAS: KRASG12C KRASG12D
LAG-3
LRRK2
MC4R
MCL-1
MDM2
MEK: MEK1 MEK1/2
MSLN: mesothelin
mTOR: mTORC1 mTORC2 mammalian_target_of_rapamycin
MUC1
MUC16
NaV1.8
nectin-4
NGF
NLRP3
NTRK: NTRK1 NTRK2 NTRK3 TRK TRKA TRKB TRKC
OX40
P2Y12
PARP: PARP1 poly_(ADP-ribose)_polymerase
PCSK9
PD-1: PDCD1 PD-(L)1 programmed_death-1 programmed_cell_death-1 programmed_cell_death_protein-1
PD-L1: CD274 PD-(L)1 programmed_death-ligand-1
PDE4
PDE5
PDGFR: PDGF_receptor PDGFRA PDGFRalpha PDGFRB PDGFRbeta
PI3K: PIK3CA PI3Kalpha PI3Kdelta phosphoinositide_3-kinase phosphatidylinositol_3-kinase
PPAR: PPARalpha PPARgamma PPARdelta
PRMT5
PSMA
RANKL
RIPK1
ROR1
ROS1
S1P: S1P1 S1PR S1PR1 sphingosine-1-phosphate
SGLT1
SGLT2: sodium-glucose_cotransporter-2
SGLT1/2
SHP2: PTPN11
SSTR2
STAT3
SYK
TEAD
TGF-beta: TGF-b TGF-beta1
TIGIT
TIM-3
TLR7
TLR8
TLR9
TNF: TNF-alpha TNF-a tumor_necrosis_factor tumour_necrosis_factor
TROP2: TACSTD2
TSLP
TTR: transthyretin
TYK2
VEGF: VEGF-A vascular_endothelial_growth_factor
VEGFR: VEGF_receptor VEGFR1 VEGFR2 VEGFR3 KDR vascular_endothelial_growth_factor_receptor
WEE1
XPO1
"""
"""Symbol, then other spellings, in any case; _ stands for a space, a hyphen or space may be left
out, or stand between a letter and a digit."""

_AMBIGUOUS = """
ABL: ABL1
ACE
ALK
APRIL
AR
ATM
ATR
C3
C5
CEA
ER: ESR1
FAP
GIP
IgE
KIT
MET
RAF
RET
SMO
SRC
"""
"""Symbols that are words or mean other things too. They count only in capitals as here, and beside a word of
_NOUN or behind `anti-` or `c-`: "MET inhibitor", but not "patients who met criteria"."""

_OTHER_SYMBOL = r"(?-i:(?!POS|NEG|WILD|MUT|TKI)[A-Z][A-Z0-9]{0,9})"
_MORE = rf"(?:(?:\s?[/,&+]\s?|\s(?:and|or)\s|-){_OTHER_SYMBOL}){{0,4}}"
"""Further symbols between this one and the word that goes with all of them: ALK/ROS1 inhibitor."""
_NOUN = (
    r"(?i:inhibit|antagoni|agoni|antibod|block|degrad|amplif|fusion|mutat|mutant|alter|rearrang|exon|positive"
    r"|overexpress|express|TKI|gene\b|pathway|receptor|CAR\b|directed|target|bispecific|translocat|modulat)"
)
_BESIDE = re.compile(rf"\+|{_MORE}(?:\s[A-Z]\d{{2,4}}[A-Z])?[\s-]?{_NOUN}")
_BEFORE = re.compile(r"(?:[Aa]nti-?|\bc-|[Tt]arget(?:ing|ed|s)? )$")
_LONGEST_BEFORE = 10

_FEATURE = (
    r"(?:(?:gene|protein|receptor|mutation|mutant|rearrangement|fusion|translocation|amplification|alteration"
    r"|aberration|expression|over-?expression|status|biomarker|tumou?r|IHC|FISH|TPS|CPS)s?(?![a-z]))"
)
"""What of a target is or is not there."""
_JOINT = r"(?:\s?[/,&]\s?|,?\s(?:and/or|and|or|nor)\s)"
_MINUS = r"-(?![\w-])"
_MINUS_HANGS = r"(?!-\s?(?:/|and\b|or\b|to\b)(?!\s?[A-Za-z0-9-]{1,10}[+-](?!\w)))"
"""The hyphen of "EGFR- and ALK-positive" is no minus; that of "HER2-/HR+" is one."""
_ABSENT_AFTER = re.compile(
    rf"(?:{_JOINT}{_OTHER_SYMBOL}){{0,4}}(?:"
    rf"(?:[\s-]{_FEATURE}){{0,2}}[\s,:-]{{0,2}}(?:(?:is|are|was|were)\s)?[(\[]?(?:"
    r"negativ|neg\b|wild[\s-]?type|WT\b|absen|null\b|zero\b|deficien|loss\b|lacking"
    r"|(?:non|un|not)[\s-]?(?:mutat|mutant|alter|amplif|rearrang|over-?express|express|detect|present)"
    r"|unmutat|0(?![\d.%-])|<\s?1\s?%)"
    rf"|{_MINUS_HANGS}{_MINUS}|\s?\(\s?-\s?\))",
    re.IGNORECASE,
)
_ABSENT_BEFORE = re.compile(
    r"(?<![\w/+-])(?<!\bor )(?<!\band )(?:non|not?|negative for|without|lack(?:s|ing)?(?: of)?|absen(?:ce|t)(?: of)?"
    r"|wild[\s-]?type|WT|neither|excluding|exclu(?:de|sion of)|free of|rul(?:e|ed|ing) out)[\s-]"
    r"(?:(?:an?|any|the|prior|previous|known|actionable|targetable|druggable|sensiti[sz]ing|activating|oncogenic"
    r"|driver|common|documented|detectable|classical|concomitant|mutat(?:ed|ions? (?:in|of))|expression of"
    r"|over-?expression of|anti)[\s-]){0,4}",
    re.IGNORECASE,
)
_LISTED = re.compile(rf"(?:{_JOINT}{_OTHER_SYMBOL}){{0,4}}{_JOINT}", re.IGNORECASE)
"""What stands between two symbols of a list: EGFR, RAS or ALK."""
_LISTED_BY_OR = re.compile(rf"(?:[\s-]{_FEATURE}){{0,2}}(?:\s?/\s?|,?\s(?:and/or|or|nor)\s)", re.IGNORECASE)
"""Beyond it a negation in front of the list still reaches: without EGFR mutations or ALK fusions."""

_GREEK = str.maketrans({"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "κ": "kappa"})
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_SEPARATORS = str.maketrans(dict.fromkeys("-_ "))


def targets(texts: Iterable[str | None]) -> list[str]:
    """The targets named in the texts (names of interventions, title, keywords), each once and sorted."""
    return sorted({symbol for text in texts if text for symbol in _named(text)})


def _named(text: str) -> Iterator[str]:
    text = " ".join(text.split())
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_GREEK)
    matches = list(_ANY.finditer(text))
    for match, is_absent in zip(matches, _absent(text, [match.span() for match in matches]), strict=True):
        start, end = match.span()
        if is_absent:
            continue
        bare = _bare(match[0])
        if bare in _EXACT and not (
            match[0] in _EXACT[bare]
            and (_BESIDE.match(text, end) or _BEFORE.search(text[max(0, start - _LONGEST_BEFORE) : start]))
        ):
            continue
        yield from _SYMBOLS[bare]


def _absent(text: str, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Of each place where a symbol stands, whether the text says that it is absent: by itself, or in a list that is."""
    negated = {match.end() for match in _ABSENT_BEFORE.finditer(text)}
    before = [start in negated for start, _ in spans]
    after = [_ABSENT_AFTER.match(text, end) is not None for _, end in spans]
    gaps = [(end, start) for (_, end), (start, _) in itertools.pairwise(spans)]
    listed = [_LISTED.fullmatch(text, *gap) is not None for gap in gaps]
    for at, gap in enumerate(gaps):
        before[at + 1] |= before[at] and (listed[at] or _LISTED_BY_OR.fullmatch(text, *gap) is not None)
    for at in reversed(range(len(gaps))):
        after[at] |= after[at + 1] and listed[at]
    return [one or other for one, other in zip(before, after, strict=True)]


def _bare(spelling: str) -> str:
    return spelling.translate(_SEPARATORS).casefold()


def _spellings(table: str) -> Iterator[tuple[str, str]]:
    """Every spelling with its symbol."""
    for line in table.split("\n"):
        symbol, _, others = line.partition(":")
        for spelling in (symbol, *others.split()):
            if spelling:
                yield spelling.replace("_", " "), symbol.replace("_", " ")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for spelling, value in pairs:
        found[_bare(spelling)] = (*found.get(_bare(spelling), ()), value)
    return found


_SEPARABLE = re.compile(r"[- ]|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


def _pattern(spellings: Iterable[str]) -> str:
    """One expression for all spellings, arranged by their common beginnings so that its size costs no time.

    A separator is written as a space here.
    """
    branches: dict[str, list[str]] = {}
    for one in sorted(set(spellings), reverse=True):
        branches.setdefault(one[:1], []).append(one[1:])
    may_end = branches.pop("", None) is not None
    tails = [
        ("[- ]?" if first == " " else re.escape(first)) + _pattern(rest) for first, rest in branches.items()
    ]
    return f"(?:{'|'.join(tails)}){'?' if may_end else ''}" if tails else ""


_SYMBOLS = _grouped((*_spellings(_TARGETS), *_spellings(_AMBIGUOUS)))
_EXACT = _grouped((spelling, spelling) for spelling, _ in _spellings(_AMBIGUOUS))
_ANY = re.compile(
    r"(?:(?<![a-z0-9])|(?<=\dx)|(?<=anti))"
    + _pattern(_SEPARABLE.sub(" ", spelling.casefold()) for spelling, _ in _spellings(_TARGETS + _AMBIGUOUS))
    + r"(?:(?![a-z0-9])|(?=x[a-z]{2}))",
    re.IGNORECASE | re.ASCII,
)
