# ruff: noqa: RUF001, SIM905  (look-alike characters are what is replaced; word lists read better as text)
"""From an intervention's name as typed by its sponsor to the name of a substance that can be looked up.

`clean` applies the rules of RULES in order, again and again until none changes the name any more, then tries
to split it into parts, and cleans each part in the same way. So cleaning is idempotent, and a new rule is one
entry. Each part says which rules made it; a name that nothing matched is kept as it is. When in doubt a name
is left alone: a name that finds no substance is better than one that finds the wrong one.

Only substances (`SUBSTANCES`) lose dose, route, form and brackets and are split; the names of procedures,
devices and behaviour only lose marks and arm labels, and are recognised as sham or control.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

SUBSTANCES = frozenset({"DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT", "DIETARY_SUPPLEMENT"})

MAX_PARTS = 12
"""Parts of one combination. More connectors than that are prose."""

MAX_LENGTH = 300
"""Characters; a longer name is prose (the upstream's own limit is 200) and is left as it is."""


class Part(NamedTuple):
    """One substance of an intervention. `clean_name` is None where no name remains (placebo, control)."""

    clean_name: str | None
    rules: tuple[str, ...]
    is_placebo: bool = False
    """By its name a placebo, sham, dummy or vehicle."""
    is_control: bool = False
    """A placebo, or by its name another control: no intervention, usual care, waiting list."""


class Cleaned(NamedTuple):
    """A cleaned name: one part, or several where a combination was split."""

    parts: tuple[Part, ...]

    @property
    def is_placebo(self) -> bool:
        """Whether every part is a placebo, sham or vehicle."""
        return all(part.is_placebo for part in self.parts)


# --- The vocabulary ----------------------------------------------------------------------------------

_ROUTE = (
    r"(?:oral(?:ly)?|by mouth|intravenous(?:ly)?|subcutaneous(?:ly)?|intramuscular(?:ly)?|intranasal(?:ly)?"
    r"|intrathecal|intravitreal|intradermal|intraperitoneal|intra-?articular|intralesional|intratumou?ral"
    r"|peri-?articular|intra-?arterial|intracameral|intracoronary|intravaginal(?:ly)?|intravesical|vaginal(?:ly)?|rectal(?:ly)?|topical(?:ly)?"
    r"|transdermal|sublingual(?:ly)?|buccal(?:ly)?|inhaled|nebuli[sz]ed|ophthalmic|otic|nasal|parenteral|subconjunctival)"
)
_RELEASE_CODE = r"(?:XR|XL|ER|SR|CR|IR|MR|PR|DR|EC|LA|LAR|CD|GITS|MMX|OCAS|OROS|ODT)"
"""How trade names say how a form releases the drug: Metformin XR."""
_RELEASE = (
    r"(?:long[- ]acting(?: release)?"
    r"|(?:extended|sustained|immediate|modified|delayed|controlled|prolonged|slow)[- ]release)"
)
_FORM = (
    r"(?:tab(?:let)?s?|(?:hard |soft )?cap(?:sule|let)?s?|pills?|softgels?|lozenges?|(?:injection|infusion) cocktail"
    r"|injections?|injectables?|inj|(?:continuous |slow )?infusions?|bolus|vials?|ampou?les?|syrup|elixir|cream"
    r"|ointment|(?:intestinal )?gel|lotion|foam|paste|varnish|(?:mouth )?spray|(?:eye |ear |nose )?drops?|eyedrops?"
    r"|mouth ?wash|mouth ?rinse|suspension|solution|emulsion|powder|granules?|sachets?|suppositor(?:y|ies)"
    r"|pessar(?:y|ies)|enemas?|patch(?:es)?|(?:transdermal|intrauterine|vaginal|ocular) (?:system|ring|insert|device)"
    r"|(?:buccal|sublingual|oral|soluble) films?|wipes?|cloths?|swabs?|gas|inhalers?|inhalation|nebuli[sz]er|aerosol"
    r"|via (?:an? )?(?:spacer|nebuli[sz]er|inhaler|catheter|pump|port|tube|mask|syringe)"
    r"|(?:chewing |(?<!chewing )(?<!guar )(?<!xanthan ))gum|pre-?filled (?:syringe|pen)|auto-?injector|p?MDI|DPI"
    r"|pen(?: injector)?|formulation(?: [a-z0-9]{1,2})?|(?:film|enteric)[- ]coated|chewable|effervescent|medicated"
    r"|oro?dispersible|(?:orally )?disintegrating|metered[- ]dose|lyophili[sz]ed|depot|retard"
    rf"|{_RELEASE})"
)
_NUMBER = r"(?:0\s(?=\d))?\d+(?:[.,·]\d+)*(?:\s?(?:-|~|to|or|x|/|\^)\s?\d+(?:[.,]\d+)*)*"
_UNIT = (
    r"(?:(?:million |billion )?(?:mg|mcg|μg|ug|ng|gr?|gms?|grams?|kg|milligrams?|micrograms?|ml"
    r"|millilit(?:er|re)s?|cc|l|dl|μl|ul|m?iu|u|unt|units?|%|percent|[mnμu]?mol|mm|[μn]m|meq|c?gy|[mgk]bq|[mμ]?ci|ppm"
    r"|vg|cfu|pfu|tcid50"
    r"|cells?)|million|billion)"
)
_COUNTED = (
    r"(?:drops?|puffs?|actuat(?:ion)?s?|inhalations?|tablets?|capsules?|sachets?|ampou?les?|vials?|doses?|times?|hours?|hrs?|h"
    r"|minutes?|mins?|days?|weeks?|wks?|months?|years?|cycles?|sessions?|fractions?)"
)
_PER = (
    r"(?:\s*/\s*(?:\d+\s*)?(?:kg|m2|m\^2|sqm|d|days?|h|hrs?|hours?|wks?|weeks?|months?|doses?|min|ml|l|dl|g|mg"
    r"|cc|tab(?:let)?s?|cap(?:sule)?s?|actuat(?:ion)?|puff|vial|eye|spray|sachet|bw)\b)*"
)
_OFTEN = (
    r"(?:(?:once|twice|thrice|(?:one|two|three|four|\d) times)[- ](?:(?:a|per|each|every) )?"
    r"(?:daily|weekly|monthly|yearly|day|week|month|year|nightly)"
    r"|every (?:other )?(?:\d+ |two |three |four |six )?(?:days?|weeks?|months?|hours?)"
    r"|(?:per|a|each) (?:day|week|month)|daily|weekly|biweekly|monthly|nightly|tiw|b\.?i\.?d|[qb]\.?d"
    r"|t\.?i\.?d"
    r"|q\.?i\.?d|qw|qod|qhs|q ?\d+ ?[hdwm]|prn)"
)
_SIZE = (
    r"(?:(?:high|low|medium|mid|middle|standard|full|half|single|multiple|fixed|loading|reduced"
    r"|(?:(?:single|multiple) )?ascending"
    r"|escalating|conventional|maintenance|booster|starting|maximum|micro)(?:er|est)?[- ]?dos(?:es?|age|ing)"
    r"|dose (?:level )?(?:\d{1,2}|[a-z])\b|(?:(?:continuous|intermittent) )?dosing|dosage"
    r"|(?:in )?(?:\d |two |three |four )?divided doses|(?<!\d )doses?(?=$)"
    r"|(?:dose[- ])?(?<!treatment )(?<!therapy )(?:(?:de-?)?escalati(?:ng|on)|(?:up-?)?titrat(?:ed|ion)"
    r"|taper(?:ed|ing)?)(?:[- ]doses?)?)"
)
_SETTING = (
    r"(?:neo-?adjuvant|adjuvant|perioperative|preoperative|postoperative|pre-?operative|post-?operative"
    r"|concurrent|concomitant|adjunctive|investigational|commercial(?:ly available)?|generic|open[- ]label"
    r"|(?:post|pre)-?transplant(?:ation)?|(?:first|second|third)[- ]line|double[- ]blind(?:ed)?|blinded|unblinded"
    r"|placebo[- ]controlled|(?:hyper|hypo|iso)baric|preservative[- ]free"
    r"|study (?:drug|medication|product))"
)
_ARM = (
    r"(?:arm|group|cohort|part|period|phase|treatment|regimen|stage|step|dose level|schedule|sequence)"
    r"(?: (?:[a-z]|[ivx]{1,4})| ?\d{1,2}[a-z]?)\b"
)
_ROLE = (
    r"(?:experimental|(?:active )?comparator|control(?: group| arm)?"
    r"|intervention(?: group| arm)?|study (?:drug|treatment|product|medication)"
    r"|investigational (?:medicinal )?(?:product|drug)"
    r"|(?:test|reference)(?: product| drug| treatment)?|drug|biological|device|other|treatment|part|component"
    r"|dietary supplement|combination product)"
)

# Words that change what is meant when the word before or behind them is taken away.
_KEEP = re.compile(
    r"contracepti|rehydration|nutrition|dialys|preservation|cardioplegi|irrigation|vaccin|immunotherap"
    r"|anti-?coagula|sugar pill|glucose tolerance|hygiene|health|microbiota|transplant|for injection",
    re.IGNORECASE,
)

# --- The rules ---------------------------------------------------------------------------------------

# Before NFKC, which makes ™ letters.
_MARKS = re.compile(r"[®™©℠]|(?<=\w)\s?\((?i:R|TM)\)(?![-\w])|(?<=[a-z]{3})\s?TM(?![-\w])")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff\x00-\x08\x0e-\x1f\x7f]")
_PUNCTUATION = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "’": "'", "‘": "'", "`": "'", "“": '"', "”": '"',
     "，": ",", "；": ";", "、": ",", "＋": "+", "×": "x", "\u00b5": "μ"}
)  # fmt: skip
_DIGIT = re.compile(r"\d")
_EDGES = re.compile(
    r"^(?:[\s,;:.*•_=|]|[-+/&](?=\s)|-(?=[a-z]{3})|0(?:[.,]\d+)?\s(?=(?:normal |isotonic )?saline)"
    r"|(?:and|or|plus|with|of)\s)+"
    r"|(?:[\s,;:.*_=|/&]|(?<=\s)\+|(?<!CD\d)(?<!CD\d\d)-|\s(?:and|or|plus|with|of|in|to|at|for|as|the|via|by|from))+$",
    re.IGNORECASE,
)
_PREFIX = re.compile(
    rf"^(?:(?:{_ARM}\s*(?:[:.]\s*|-\s+|\s-\s*))|(?:{_ROLE}(?: {_ARM})?\s*:\s*)|(?:\d{{1,2}}|[a-h])[.)]\s+"
    r"|(?:co-?administration|administration|combination|coadministration|use|injection|infusion) of "
    r"|(?:intercalation |combination |combined )?(?:therapy|treatment) (?:using|with) )",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_OPEN_BRACKET = re.compile(r"\s[(\[][^)\]]*$")
_AMOUNT = rf"(?:{_NUMBER}\s?-?\s?{_UNIT}{_PER}|\d{{1,3}}(?:\s?(?:-|to)\s?\d{{1,3}})?\s?-?\s?{_COUNTED}{_PER})"
_DOSE = re.compile(
    r"(?<![\w.\-\]])(?:(?:up to|over|within|approximately|about|at|x)\s|[~<>≤≥@x]\s*)?"
    rf"{_AMOUNT}(?:\s?(?:-|to)\s?{_AMOUNT})?(?![\w]|-\D|\.\d)",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"(?<![\w.:])[-/]?1\s?(?::|in(?=\s))\s?\d{1,3}(?:[.,\s]?\d{3})*(?![\w:]|[.,]\d)", re.IGNORECASE
)
"""The strength of a dilution: 1:200,000."""
_AREA = re.compile(
    r"(?<!\w)(?:at )?AUC(?: of)?\s?=?\s?\d+(?:\.\d+)?(?:\s?-\s?\d+(?:\.\d+)?)?(?!\w)", re.IGNORECASE
)
"""The dose of carboplatin: AUC 5."""
_STRENGTHS = re.compile(
    r"(?<=[a-z]{3}|\s[IVX]{2})\s\d{1,3}(?:\.\d+)?(?:/\d{1,4}(?:\.\d+)?){1,2}$", re.IGNORECASE
)
"""Those of a combination, without a unit: valsartan/amlodipine 160/10."""
_DAYS = re.compile(
    r"(?<![\w-])(?<!on )(?:d\d{1,2}\s?-\s?\d{1,2}|days? \d{1,2}(?:\s?(?:-|to)\s?\d{1,2})?)(?![\w-])",
    re.IGNORECASE,
)
_DOSE_AFTER_BAR = re.compile(rf"_\s*(?:{_AMOUNT}|{_SIZE}|[a-z]{{1,3}})$", re.IGNORECASE)
_DOSE_WORDS = re.compile(
    rf"(?<![\w\-])(?:{_OFTEN}(?:[- ]dos(?:ing|es?))?|(?:(?:high|low)-?\s(?:versus|vs\.?|or|and|to)\s)?{_SIZE})"
    r"(?![\w\-])(?: of )?",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"\b(?:dos(?:e|age)|strength|mode of administration|route(?: of administration)?|formulation|frequency"
    r"|schedule|dosage form)\s*:.*$",
    re.IGNORECASE | re.DOTALL,
)
_FORM_END = re.compile(
    rf"(?:[\s,_/-]+(?:{_ROUTE}|{_FORM}|for (?:injection|infusion|inhalation)))+$", re.IGNORECASE
)
_FORM_START = re.compile(
    rf"^(?:(?:{_ROUTE}|{_RELEASE})[\s-]+)+(?:{_FORM} (?:of )?)?|^{_FORM} of ", re.IGNORECASE
)
_SHORT_ROUTE_END = re.compile(
    r"(?<!(?i:factor))(?<!(?i:phase))(?<!(?i:type))(?<!(?i:class))(?<!(?i:stage))(?<!(?i:group))"
    r"(?<!(?i:collagen))"
    r"[\s,]+(?:IV|SC|SQ|IM|PO|iv|sc|sq|im|po|i\.v|s\.c|i\.m|p\.o)$"
)
_SHORT_ROUTE_START = re.compile(r"^(?:IV|SC|SQ|IM|PO|i\.v\.?|s\.c\.?|i\.m\.?)\s+(?=[A-Za-z]{3})")
_RELEASE_END = re.compile(
    rf"(?:(?<=[a-z]{{3}})|(?<=[A-Z]{{4}})|(?<=\d\d)|(?<=\d\d[A-Z]))[\s-]+(?:{_RELEASE_CODE}(?:/{_RELEASE_CODE})?"
    r"|xr|xl|er|sr|cr|ir)(?:\s\d{2,4})?$"
)
_RELEASE_START = re.compile(rf"^{_RELEASE_CODE}\s+(?=[A-Za-z]{{4}})")
_SETTING_START = re.compile(rf"^(?:{_SETTING}[\s-]+)+", re.IGNORECASE)
_SUFFIX = re.compile(
    rf"[\s,-]+(?:{_ARM}|(?:treatment |control |intervention )?(?:group|arm)|administration|mono-?therapy"
    rf"|alone|plain|FDC|prophylaxis|PPX|augmentation|maintenance|combination(?: therapy| treatment)?"
    rf"|co-?formulation|{_SETTING})$",
    re.IGNORECASE,
)
_NOT_JOINED = r"(?:(?!\s(?:and|or|plus|with)\s|\s\+|\+[A-Za-z])[^,;])*$"
_TAIL = re.compile(
    r"\s(?:for|given|administered|as (?:determined|needed|per|a|an)|according to|per protocol|until|prior to"
    r"|before|after|during|starting|on days?|from days?|at (?:a |the )?(?:dose|day|week|time|bed|night)"
    rf"|in (?:patients|subjects|adults|participants|children|healthy))\s{_NOT_JOINED}",
    re.IGNORECASE,
)
_DILUENT = re.compile(
    r"\s(?:diluted |dissolved )?in (?:normal |isotonic |physiologic(?:al)? |sterile |distilled )?"
    r"(?:saline|sodium chloride|nacl|dextrose|glucose|water|ns)(?: solution)?$",
    re.IGNORECASE,
)

_PLACEBO = re.compile(r"placebo(?![- ]controlled)|\bPBO\b|\bsham\b|\bdummy\b|\bsugar pill", re.IGNORECASE)
_IS_PLACEBO = re.compile(
    r"(?:(?!or\b|and\b|plus\b|vs\b|versus\b|with\b)[\w-]+ ){0,2}(?:placebo|sham)(?: control| comparator)?",
    re.IGNORECASE,
)
_VEHICLE = re.compile(
    r"^(?!.*\sin\s.*\bvehicle\b).*\bvehicle\b|\bsaline\b.*\bcontrol\b|\bcontrol\b.*\bsaline\b"
    r"|\bdiluent\b.*\bcontrol\b",
    re.IGNORECASE,
)
_A_PLACEBO = (
    r"(?:(?:matched|matching|oral|blinded|corresponding|identical|inactive|active|inert|the|an?"
    r"|(?:normal )?saline|water|lactose|sugar|starch|dextrose|vehicle)[\s-]+)*(?:placebo|PBO|sham|dummy)s?"
)
"""A placebo of nothing that is named: matching placebo, saline placebo."""
_IS_A_PLACEBO = re.compile(_A_PLACEBO, re.IGNORECASE)
_PLACEBO_OF = re.compile(
    rf"^\W*{_A_PLACEBO}(?:[\s-](?!(?:and|or|plus|with|in)\b)\w+){{0,2}}?[\s-](?:to|for|of|match(?:ing|ed)?)\b",
    re.IGNORECASE,
)
"""A placebo of everything that follows: placebo to match A and B."""
_PLACEBO_BEFORE = re.compile(rf"^\W*{_A_PLACEBO}[\s-]+\w", re.IGNORECASE)
"""A placebo of what follows: placebo A."""
_PLACEBO_BEHIND = re.compile(rf"^(?!{_A_PLACEBO}$)\w.*[\s-](?:placebo|sham|dummy)s?$", re.IGNORECASE)
"""A placebo of what stands in front of it: B matching placebo."""

_CARE = (
    r"(?:(?:medical|clinical|nursing|hospital|health|patient|supportive|local|institutional) )?"
    r"(?:care|treatments?|therap(?:y|ies)|management|practices?)"
)
_USUAL_CARE = (
    r"(?:(?:enhanced |optimi[sz]ed |improved )?"
    r"(?:(?:treatment|care|therapy|management|practice)[- ]as[- ](?:usual|usal|ususal|normal)"
    r"(?:(?: in| for| -|(?= outpatient))(?: (?!(?:and|or|plus|with|versus|vs)\b)[\w-]+){1,4})?"
    rf"|(?:(?:current|local|institutional|national) )?standard[- ]of[- ]care(?:[- ]{_CARE})?"
    rf"|(?:usual|routine|standard|conventional|current|regular|normal|customary)[- ](?:{_CARE}|\w+ care)"
    rf"|(?:TAU|SOC|BSC)(?: {_CARE})?)|best supportive care|supportive care (?:alone|only))"
)
_NOTHING = (
    r"(?:untreated|not treated|none|nothing|observation|watchful waiting|watch(?: and |-and-|&)wait"
    r"|expectant management|wait(?:ing)?[- ]?list(?:ed)?"
    r"|(?:no|without)(?: [\w-]+){0,2} (?:intervention|treatment|therapy|medication|premedication|prophylaxis|drug"
    r"|supplement(?:ation)?|vaccin(?:e|ation))s?\b.*)"
)
_CONTROLS = (
    r"(?:(?:(?:negative|untreated|healthy|attention|active|positive|historical|wait(?:ing)?[- ]?list|usual care"
    r"|no[- ](?:treatment|intervention)) )?controls?)"
)
_GIVEN_ANYWAY = rf"(?:{_USUAL_CARE}|{_CONTROLS}|{_NOTHING})"
_CONTROL = re.compile(
    rf"{_GIVEN_ANYWAY}(?:(?:\s?[/,;&-]\s?|\s(?:or|and)\s|\s(?=no\s)){_GIVEN_ANYWAY})*(?: \([^()]*\))?"
    r"(?: (?:controls?|group|arm|condition|treatment|intervention|diet|product|only|alone))*(?: \([^()]*\))?",
    re.IGNORECASE,
)
"""What is given anyway, or nothing. Standard of care and usual care are both: neither names a substance."""
_INERT = re.compile(
    r"(?:(?:normal|isotonic|physiologic(?:al)?|sterile|bacteriostatic) )*"
    r"(?:saline|sodium chloride|nacl|water|water for injection|dextrose|glucose)(?: \(?nacl\)?)?",
    re.IGNORECASE,
)

Rule = Callable[[str], str]


def _normalize(name: str) -> str:
    """No marks, NFKC, plain dashes and quotes, single spaces, nothing dangling at the ends."""
    if not (name.isascii() and name.isprintable()):
        name = _MARKS.sub(" ", _INVISIBLE.sub("", name.translate(_PUNCTUATION)))
        name = unicodedata.normalize("NFKC", name).translate(_PUNCTUATION)
    elif "(" in name or "TM" in name:
        name = _MARKS.sub(" ", name)
    return _tidy(name)


def _tidy(name: str) -> str:
    return _EDGES.sub("", " ".join(name.split()).replace(" ,", ","))


def _strip_label(name: str) -> str:
    match = _PREFIX.match(name)
    return name[match.end() :] if match else name


def _strip_brackets(name: str) -> str:
    """Synonyms and remarks in brackets; those of a chemical name stay, e.g. (R)-ketamine, Iron(III)."""

    def replace(match: re.Match[str]) -> str:
        inside = match[1]
        before, after = name[: match.start()], name[match.end() :]
        if _IS_PLACEBO.fullmatch(inside):
            return f" {inside} "  # "Saline (placebo)"
        attached = bool(before) and before[-1] not in " ,;+/"
        letters = sum(char.isalpha() for char in inside)
        part_of_name = after[:1].isalnum() or after[:1] == "-" or (not before.strip() and after.strip())
        if part_of_name or before[-1:] == "-" or before.casefold().endswith("poly"):
            return match[0]
        if attached and letters < 4 and not _DOSE.search(inside):  # noqa: PLR2004 Iron(III), borofalan(10B)
            return match[0]
        return " " if before.strip() else inside

    if "(" in name or "[" in name:
        return _OPEN_BRACKET.sub("", _BRACKET.sub(replace, name))
    return name


def _strip_dose(name: str) -> str:
    if ":" in name:
        name = _LABELLED.sub(" ", name)
    if "_" in name:
        name = _DOSE_AFTER_BAR.sub(" ", name)
    name = _DOSE_WORDS.sub(" ", name)
    if not _DIGIT.search(name):
        return name
    for pattern in (_RATIO, _AREA, _DAYS, _DOSE, _STRENGTHS):
        name = pattern.sub(" ", name)
    return name


def _strip_tail(name: str) -> str:
    return _DILUENT.sub("", _TAIL.sub("", name))


def _strip_setting(name: str) -> str:
    match = _SETTING_START.match(name)
    return _SUFFIX.sub("", name[match.end() :] if match else name)


def _strip_form(name: str) -> str:
    if _KEEP.search(name):
        return name
    for pattern in (
        _FORM_END,
        _SHORT_ROUTE_END,
        _RELEASE_END,
        _FORM_START,
        _SHORT_ROUTE_START,
        _RELEASE_START,
    ):
        match = pattern.search(name)
        if match is None:
            continue
        shorter = name[: match.start()] + name[match.end() :]
        # "Lugol's solution" is a name as a whole; of "oral solution" no name would be left.
        if _usable(shorter) and not shorter.endswith("'s") and not _FORM_ALONE.fullmatch(shorter):
            name = shorter
    return name


RULES: tuple[tuple[str, Rule], ...] = (
    ("normalize", _normalize),
    ("strip_label", _strip_label),
    ("strip_brackets", _strip_brackets),
    ("strip_dose", _strip_dose),
    ("strip_tail", _strip_tail),
    ("strip_setting", _strip_setting),
    ("strip_form", _strip_form),
)
_BASIC = tuple(rule for rule in RULES if rule[0] in {"normalize", "strip_label"})

# --- Splitting ---------------------------------------------------------------------------------------

# From the connector that binds loosest to the one that binds tightest.
_SPLITS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("split_list", re.compile(r"\s*;\s*")),
    ("split_plus", re.compile(r"\s+(?:with or without|with/without|\+/-|±)\s+", re.IGNORECASE)),
    (
        "split_plus",
        re.compile(
            r"\s+\+\s*|(?<=[\w)%])(?<!CD\d)(?<!CD\d\d)\+\s?(?=[A-Za-z][\w-]{2})"
            r"|\s+(?:plus|(?:in )?combin(?:ation|ed) with|co-?administered with|together with|along with"
            r"|followed by|added to|in addition to|on top of|(?:as )?(?:an )?add-?on to|alongside)\s+",
            re.IGNORECASE,
        ),
    ),
    (
        "split_and",
        re.compile(
            r"(?:,\s*|\s+)(?:and/or|and|or|with|w/?|&|vs\.?|versus|then)\s+|(?<=[\w)])\s?&\s?(?=\w)|,\s*",
            re.IGNORECASE,
        ),
    ),
    ("split_slash", re.compile(r"\s*/\s*")),
)
_CONNECTED = re.compile(
    r"[;,/+&±]|\s(?:and|or|with|w|plus|(?:in )?combin(?:ation|ed) with|co-?administered|together|along"
    r"|followed|added|in addition to|on top of|(?:as )?(?:an )?add-?on to|alongside|vs|versus|then)\b",
    re.IGNORECASE,
)
_JOINED_BY_WORD = re.compile(r"\s(?:and/or|and|or|with|w/?|&|vs\.?|versus|then)\s|&", re.IGNORECASE)
_JOINED_BY_WITH = re.compile(r"\s(?:or|and/or|with|w/?|vs\.?|versus|then)\s", re.IGNORECASE)
_VACCINE = re.compile(r"vaccin|toxoid|immunoglobulin|immune globulin", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]{1,6}[- ]?\d{2,}[A-Za-z0-9-]*")
_WORD = re.compile(r"[A-Za-z][a-z]{5,}|[A-Z]{6,}")
_LONG_WORD = re.compile(r"[A-Za-z]{5,}")
_ABBREVIATION = re.compile(r"[A-Z]{3,5}")
_CLASS_NOUN = re.compile(
    r"\b(?:inhibitors?|vaccines?|antibod(?:y|ies)|agonists?|antagonists?|blockers?|cells?|patients|peptides?"
    r"|virus|extracts?|complex|acids?|oils?|strains?|analogs?|analogues?|receptors?|ratio|mixture|blend)$",
    re.IGNORECASE,
)
_NOT_A_NAME = frozenset(
    """
    the a an of to in on at by from as if its their this that which patients subjects participants women men
    children adults given administered until after before during every without no not only other same
    different various matching dose doses arm group groups meal meals food foods fasting fed water milk
    physical follow-up followup therapy treatment treatments drug drugs agent agents
    medication medications adjuvant adjuvants diluent vehicle device devices or and with plus using via
    determined response effect effects study control controls active inactive high low standard
    """.split()
)
_WORDS_OF_A_NAME = 5
_NOT_AT_END = _NOT_A_NAME - {"a", "therapy", "treatment", "agent", "agents", "drug", "drugs"}
_FORM_ALONE = re.compile(rf"(?:{_ROUTE}|{_FORM}|{_SIZE}|{_OFTEN}|[\s,-])+", re.IGNORECASE)


def _pieces(name: str) -> tuple[str, list[str]] | None:
    """The loosest split of a cleaned name that yields names only, and the rule that made it."""
    if not _CONNECTED.search(name):
        return None
    if _PLACEBO_OF.match(name):
        return None
    for rule, pattern in _SPLITS:
        pieces = [piece for piece in pattern.split(name) if piece.strip()]
        if (
            1 < len(pieces) <= MAX_PARTS
            and _separates(rule, name, pieces)
            and (all(map(_stands_alone, pieces)) or (rule == "split_plus" and _has_placebo(pieces)))
        ):
            return rule, pieces
    return None


def _separates(rule: str, name: str, pieces: list[str]) -> bool:
    """Whether the connector stands between names here and not inside one."""
    if _VACCINE.search(pieces[-1]) and not all(map(_VACCINE.search, pieces)):
        return False  # "measles, mumps and rubella vaccine"
    if rule in {"split_and", "split_slash"} and _is_placebo_of_all(name, pieces):
        return False
    if rule == "split_and" and not _JOINED_BY_WORD.search(name):
        # A comma alone may as well stand before a qualifier: only plain words and codes.
        return all(
            _WORD.fullmatch(piece) or _CODE.fullmatch(piece) or _IS_A_PLACEBO.fullmatch(piece)
            for piece in pieces
        )
    if rule == "split_slash":
        # "paclitaxel/carboplatin", but neither "HER2/neu" nor "PD-1/PD-L1 inhibitor"
        return (
            not _CLASS_NOUN.search(pieces[-1])
            and any(map(_LONG_WORD.search, pieces))
            and all(
                _PLACEBO.search(piece)
                or _CODE.fullmatch(piece)
                or _LONG_WORD.search(piece)
                or _ABBREVIATION.fullmatch(piece)
                for piece in pieces
            )
        )
    return True


def _has_placebo(pieces: list[str]) -> bool:
    """Whether a piece is a placebo of nothing that is named, so that the others are not: "drug A + placebo"."""
    return any(_IS_A_PLACEBO.fullmatch(piece.strip()) for piece in pieces)


def _is_placebo_of_all(name: str, pieces: list[str]) -> bool:
    """Whether the first or last piece says placebo for all of them: "placebo A/B", "A and B matching placebo".

    Not with "or", "with" and the like: the placebo is one side of the choice.
    """
    return not _JOINED_BY_WITH.search(name) and bool(
        _PLACEBO_BEFORE.match(pieces[0].strip()) or _PLACEBO_BEHIND.match(pieces[-1].strip())
    )


def _stands_alone(piece: str) -> bool:
    if _PLACEBO.search(piece) or _VEHICLE.search(piece):
        return True
    cleaned = _apply(piece, RULES)[0]
    return (
        _CONTROL.fullmatch(cleaned) is not None or _looks_like_a_name(cleaned) or _pieces(cleaned) is not None
    )


def _looks_like_a_name(piece: str) -> bool:
    """Whether a cleaned piece of a combination can be the name of a substance."""
    words = piece.casefold().split()
    if not words or len(words) > _WORDS_OF_A_NAME or not _usable(piece) or _FORM_ALONE.fullmatch(piece):
        return False
    if len(words) == 1:
        return words[0] not in _NOT_A_NAME
    # "vitamin A" ends in a letter, not in an article.
    return _NOT_A_NAME.isdisjoint(words[:-1]) and words[-1] not in _NOT_AT_END


# --- Cleaning ----------------------------------------------------------------------------------------

_LETTER = re.compile(r"[^\W\d_]")
_TWO = re.compile(r"[^\W_].*?[^\W_]", re.DOTALL)


def _usable(name: str) -> bool:
    return _LETTER.search(name) is not None and _TWO.search(name) is not None


def _apply(name: str, rules: tuple[tuple[str, Rule], ...]) -> tuple[str, tuple[str, ...]]:
    """Apply the rules until none shortens the name any more; none may leave no name at all."""
    applied: list[str] = []
    before = ""
    while before != name:
        before = name
        for identifier, rule in rules:
            shorter = rule(name)
            if shorter == name:
                continue
            shorter = _tidy(shorter)
            if shorter == name or not _usable(shorter):
                continue
            if len(shorter) < len(name) or identifier == "normalize":
                name = shorter
                if identifier not in applied:
                    applied.append(identifier)
    return name, tuple(applied)


def _clean_substance(name: str, inherited: tuple[str, ...]) -> tuple[Part, ...]:
    cleaned, applied = _apply(name, RULES)
    rules = _joined(inherited, applied)
    split = None if _CONTROL.fullmatch(cleaned) else _pieces(cleaned)
    if split is not None:
        rule, pieces = split
        of_parts = _joined(rules, (rule,))
        parts = tuple(part for piece in pieces for part in _clean_substance(piece, of_parts))
        if len(parts) <= MAX_PARTS and not all(part.is_placebo for part in parts):
            return parts
    is_placebo = _PLACEBO.search(cleaned) is not None or _VEHICLE.search(cleaned) is not None
    return (_part(cleaned, rules, is_placebo=is_placebo),)


def _clean_other(name: str) -> tuple[Part, ...]:
    cleaned, applied = _apply(name, _BASIC)
    return (_part(cleaned, applied, is_placebo=_PLACEBO.search(cleaned) is not None),)


def _part(cleaned: str, rules: tuple[str, ...], *, is_placebo: bool) -> Part:
    if is_placebo:
        return Part(None, (*rules, "placebo"), is_placebo=True, is_control=True)
    if _CONTROL.fullmatch(cleaned):
        return Part(None, (*rules, "control"), is_control=True)
    return Part(cleaned if _usable(cleaned) else None, rules)


def _joined(rules: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*rules, *more)))


@lru_cache(maxsize=1 << 15)
def clean(name: str, kind: str | None) -> Cleaned:
    """Clean the name of an intervention of the given type (docs/upstreams/ctgov.md).

    `clean(clean_name, kind)` returns clean_name again, with no rules. Never raises.
    """
    if len(name) > MAX_LENGTH:
        return Cleaned((Part(name, ()),))
    return Cleaned(_clean_substance(name, ()) if kind in SUBSTANCES else _clean_other(name))


def is_inert(name: str) -> bool:
    """Whether a clean name is of saline, water or glucose: a placebo where only placebo arms get it."""
    return _INERT.fullmatch(name) is not None
