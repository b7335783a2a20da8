import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.clinical import targets as module
from include.sources.clinical.targets import targets


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("EGFR-mutant lung cancer", ["EGFR"]),
        ("egfr tki", ["EGFR"]),
        ("epidermal growth factor receptor", ["EGFR"]),
        ("human epidermal growth factor receptor 2", ["HER2"]),
        ("HER-2/neu", ["HER2"]),
        ("ErbB2", ["HER2"]),
        ("PD-1/PD-L1 inhibitor", ["PD-1", "PD-L1"]),
        ("anti-PD(L)1", ["PD-1", "PD-L1"]),
        ("antiPD1", ["PD-1"]),
        ("PD‑1", ["PD-1"]),
        ("CTLA4", ["CTLA-4"]),
        ("VEGF receptor", ["VEGFR"]),
        ("VEGFR2", ["VEGFR"]),
        ("VEGF-A", ["VEGF"]),
        ("KRASG12C", ["KRAS"]),
        ("BRAF V600E", ["BRAF"]),
        ("TNFα", ["TNF"]),
        ("tumor necrosis factor", ["TNF"]),
        ("IL 6", ["IL-6"]),
        ("interleukin-6 receptor", ["IL-6R"]),
        ("IL-12/23", ["IL-12/23"]),
        ("IL-17A", ["IL-17"]),
        ("CD20xCD3 bispecific", ["CD20", "CD3"]),
        ("CD19 and BCMA CAR-T", ["BCMA", "CD19"]),
        ("poly(ADP-ribose) polymerase", ["PARP"]),
        ("CDK4/6 inhibitors", ["CDK4/6"]),
        ("CDK4/CDK6", ["CDK4/6"]),
        ("mTOR", ["mTOR"]),
        ("GLP1 receptor agonist", ["GLP-1"]),
        ("DPP-IV", ["DPP-4"]),
        ("SGLT-2", ["SGLT2"]),
        ("PCSK9", ["PCSK9"]),
        ("BTK, JAK1", ["BTK", "JAK1"]),
        ("抗PD-1抗体", ["PD-1"]),
    ],
)
def test_every_spelling_of_a_target_is_its_symbol(text: str, found: list[str]) -> None:
    assert targets([text]) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MET inhibitor", ["MET"]),
        ("MET exon 14", ["MET"]),
        ("c-MET", ["MET"]),
        ("EGFR/MET bispecific", ["EGFR", "MET"]),
        ("ALK/ROS1 inhibitor", ["ALK", "ROS1"]),
        ("ALK-positive", ["ALK"]),
        ("ALK+ lung cancer", ["ALK"]),
        ("ALK or RET fusion", ["ALK", "RET"]),
        ("KIT D816V mutation", ["KIT"]),
        ("targeting RET", ["RET"]),
        ("anti-C5", ["C5"]),
        ("ACE inhibitors", ["ACE"]),
        ("anti-IgE", ["IgE"]),
        ("goals met, inhibitor stopped", []),
        ("met inhibitor criteria", []),
        ("MET criteria", []),
        ("test kit", []),
        ("KIT for detection", []),
        ("injury at C5", []),
        ("IgE-mediated allergy", []),
        ("published in APRIL", []),
        ("ALK", []),
    ],
)
def test_ambiguous_symbols_count_beside_a_word_that_makes_them_targets(text: str, found: list[str]) -> None:
    assert targets([text]) == found


@pytest.mark.parametrize(
    "text",
    [
        "HER2-negative",
        "HER2 negative",
        "HER2- breast cancer",
        "KRAS wild-type",
        "EGFR/ALK wild-type",
        "PD-L1 neg",
        "EGFR or ALK negative",
        "HER2-Negative",
        "Her2-negative",
        "HER2 NEGATIVE",
        "HER2-neg",
        "HER2 (-)",
        "HER2(-)",
        "HER2(negative)",
        "HER2\u2212",
        "HR+/HER2-",
        "HER2-/HR+ breast cancer",
        "HER2-/ER-",
        "HER2-zero",
        "HER2-null",
        "HER2 0",
        "HER2 IHC 0",
        "HER2/neu-negative",
        "Triple Negative Breast Cancer",
        "EGFR Wild-Type",
        "EGFR wild type",
        "EGFR wildtype",
        "EGFR-WT",
        "WT EGFR",
        "wild-type KRAS",
        "KRAS, NRAS and BRAF wild-type",
        "RAS/BRAF Wild Type",
        "KRAS/NRAS Wild-type",
        "egfr/braf wild type",
        "BRAF non-mutated",
        "BRCA non-mutated",
        "EGFR-unmutated",
        "EGFR not mutated",
        "EGFR mutation-negative",
        "EGFR mutation negative",
        "EGFR and BRAF mutation-negative",
        "PD-L1 expression negative",
        "PD-L1 Negative",
        "PD-L1 <1%",
        "PD-L1 TPS < 1%",
        "PD-L1 is negative",
        "HER2 non-amplified",
        "HER2 nonamplified",
        "HER2 not overexpressed",
        "FLT3-unmutated AML",
        "EGFR mutation absent",
        "KRAS loss",
        "without EGFR mutation",
        "Without EGFR or ALK alterations",
        "without sensitizing EGFR mutations or ALK fusions",
        "without actionable EGFR, BRAF, or KRAS mutations",
        "no EGFR mutation",
        "No known EGFR or ROS1 aberration",
        "non-EGFR mutated",
        "negative for HER2",
        "lacking HER2",
        "lack of HER2 expression",
        "Absence of BRAF mutation",
        "neither EGFR nor BRAF",
    ],
)
def test_what_is_said_to_be_absent_is_no_target(text: str) -> None:
    assert targets([text]) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("HER2-low", ["HER2"]),
        ("HER2-Low or HER2-Negative", ["HER2"]),
        ("HER2-ultralow", ["HER2"]),
        ("HER2 1+", ["HER2"]),
        ("ALK-rearranged", ["ALK"]),
        ("ALK-Rearranged, EGFR-negative", ["ALK"]),
        ("EGFR-mutant", ["EGFR"]),
        ("EGFR-positive, HER2-negative", ["EGFR"]),
        ("EGFR-POSITIVE/HER2-NEGATIVE", ["EGFR"]),
        ("EGFR+/HER2-", ["EGFR"]),
        ("ER-positive, HER2-negative", ["ER"]),
        ("without EGFR mutation and PD-L1 positive", ["PD-L1"]),
        ("without EGFR mutation, PD-L1 positive", ["PD-L1"]),
        ("HER2-negative/EGFR-positive", ["EGFR"]),
        ("EGFR, triple negative breast cancer", ["EGFR"]),
        ("PD-1 inhibitor in HER2-negative cancer", ["PD-1"]),
        ("CDK4/6 inhibitor in HR-positive, HER2-negative", ["CDK4/6"]),
        ("EGFR T790M-negative", ["EGFR"]),
        ("EGFR-TKI, HER2 negative", ["EGFR"]),
        ("with or without anti-PD-1", ["PD-1"]),
        ("with and without PD-L1 inhibitor", ["PD-L1"]),
        ("+/- anti-PD-1", ["PD-1"]),
        ("EGFR mutation in never-smokers", ["EGFR"]),
        ("anti-EGFR-naive", ["EGFR"]),
        ("non-small cell lung cancer with EGFR mutation", ["EGFR"]),
        ("Non-squamous EGFR mutated", ["EGFR"]),
        ("PD-L1 negative and PD-1 refractory", ["PD-1"]),
        ("PD-L1 50%", ["PD-L1"]),
        ("CD19-targeted", ["CD19"]),
        ("CD19- and CD22-directed", ["CD19", "CD22"]),
    ],
)
def test_what_is_not_said_to_be_absent_is_a_target(text: str, found: list[str]) -> None:
    assert targets([text]) == found


def test_a_hyphen_left_hanging_before_and_is_no_minus() -> None:
    assert targets(["EGFR- and ALK-positive tumours"]) == ["ALK", "EGFR"]


@pytest.mark.parametrize("text", ["imatinib", "megfra", "SPARPS", "CD1900", "parping", "IL-60", "xHER2x"])
def test_only_whole_words_count(text: str) -> None:
    assert targets([text]) == []


def test_targets_of_all_texts_are_sorted_and_each_stands_once() -> None:
    assert targets(["VEGF trap", None, "", "anti-VEGF and PD-1", "EGFR"]) == ["EGFR", "PD-1", "VEGF"]


def test_every_symbol_is_found_by_its_own_name() -> None:
    for spelling, symbol in module._spellings(module._TARGETS):
        assert symbol in targets([f"A study of {spelling} in adults"]), spelling
        assert symbol in targets([spelling.upper()]), spelling
    for spelling, symbol in module._spellings(module._AMBIGUOUS):
        assert symbol in targets([f"A {spelling} inhibitor"]), spelling
        assert targets([f"A {spelling.lower()} inhibitor"]) == [], spelling


def test_a_spelling_belongs_to_one_symbol_unless_it_names_two() -> None:
    double = {bare: symbols for bare, symbols in module._SYMBOLS.items() if len(symbols) > 1}
    assert double == {"pd(l)1": ("PD-1", "PD-L1")}


@given(st.text() | st.text("PD-L1 HER2ıſαx/+", max_size=40))
def test_any_text_is_read(text: str) -> None:
    found = targets([text])
    assert found == sorted(set(found))
    assert set(found) <= {symbol for symbols in module._SYMBOLS.values() for symbol in symbols}


def test_long_hostile_text_takes_no_longer_than_its_length() -> None:
    assert targets(["ALK" + "/A" * 200_000, "MET-" * 100_000, "poly (" * 50_000]) == []
    assert targets(["no any " * 50_000, "EGFR, " * 10_000 + "negative"]) == []
