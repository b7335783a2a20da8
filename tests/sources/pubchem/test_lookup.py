import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.ctgov import names
from include.sources.pubchem.lookup import (
    MAX_CHARACTERS,
    MAX_OTHERS,
    MIN_CHARACTERS,
    Names,
    is_abbreviation,
    key,
    keys,
)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Osimertinib", "osimertinib"),
        ("  BMS-986165\u00a0 ", "bms-986165"),
        ("Tenofovir  Alafenamide\tFumarate", "tenofovir alafenamide fumarate"),
        ("β–carotene", "beta-carotene"),
        ("α‑Tocopherol", "alpha-tocopherol"),
        ("¹⁷⁷Lu-PSMA-617", "177lu-psma-617"),
        ("N‐acetyl–L−cysteine", "n-acetyl-l-cysteine"),
        ("2’-deoxycytidine", "2'-deoxycytidine"),
        ("Tagrisso™", "tagrisso"),
        ("“Aspirin”", "aspirin"),
        ("ｉｂｕｐｒｏｆｅｎ", "ibuprofen"),
        ("(R)-ketamine", "(r)-ketamine"),
        ("5-Fluorouracil,", "5-fluorouracil"),
        ("vitamin D3", "vitamin d3"),
        ("Aspirin\x00\x1f", "aspirin"),
        ("emtricitabine/tenofovir", "emtricitabine/tenofovir"),
        ("zinc", "zinc"),
        ("sodium chloride", "sodium chloride"),
        ("CAT-354", "cat-354"),
        ("BAY 94-9027", "bay 94-9027"),
        ("folic acid", "folic acid"),
        ("nitric oxide", "nitric oxide"),
        ("alpha lipoic acid", "alpha lipoic acid"),
        ("conjugated estrogens", "conjugated estrogens"),
        ("gentian violet", "gentian violet"),
        ("indigo carmine", "indigo carmine"),
        ("insulin human", "insulin human"),
        ("glucose anhydrous", "glucose anhydrous"),
        ("indocyanine green", "indocyanine green"),
        ("Gleevec", "gleevec"),
        ("valsartan", "valsartan"),
        ("omeprazole", "omeprazole"),
        # Words that are refused as words only
        ("testosterone", "testosterone"),
        ("CT-2103", "ct-2103"),
        ("lactulose", "lactulose"),
        ("atropine", "atropine"),
        ("metformin", "metformin"),
        ("albumin-bound paclitaxel", "albumin-bound paclitaxel"),
    ],
)
def test_a_name_is_written_in_one_way(name: str, written: str) -> None:
    assert key(name) == written


@pytest.mark.parametrize(
    "name",
    [
        "",
        "T3",
        "S-1",
        "12345",
        "---",
        "50-78-2",
        "treatment",
        "Treatment A",
        "treatment-as-usual",
        "Group A",
        "Standard of Care",
        "best supportive care",
        "chemotherapy",
        "Radiotherapy",
        "radiosurgery",
        "endodontic retreatment",
        "renal denervation",
        "rest",
        "speech",
        "fine",
        "panic",
        "music",
        "quiet room",
        "stories",
        "storytelling",
        "deep breathing",
        "acmex hip stem",
        "high",
        "high-",
        "0 saline",
        "hypertonic saline",
        "escalating",
        "terlipressin acetate continuous",
        "artemisia recommended",
        "turmeric",
        "castor oil",
        "saw palmetto",
        "oral rehydration salts",
        "hemp",
        "sequential hypofractionated",
        "nintendo wii",
        "ctDNA",
        "SARS-CoV-2",
        "Akkermansia muciniphila",
        "untreated",
        "ginger",
        "mFOLFOX6",
        "ketorolac cocktail",
        "omega-3 fatty acids",
        "recombinant FSH",
        "anakinra",
        "compound 12",
        "PD-1 inhibitor",
        "Statins",
        "statin",
        "antibiotics",
        "anti-inflammatory",
        "Anti-PD-1",
        "corticosteroids",
        "water",
        "normal saline solution",
        "fish oil",
        "FOLFIRI",
        "R-CHOP",
        "calcium with vitamin D",
        "cream",
        "measles vaccine",
        "trastuzumab",
        "trastuzumab-dkst",
        "Trastuzumab Deruxtecan",
        "etanercept",
        "tisagenlecleucel",
        "filgrastim",
        "epoetin alfa",
        "CAR-T cells",
        "platelet rich plasma",
        "S 1 (combination)",
        "one two words are too many for a name",
        "x" * (MAX_CHARACTERS + 1),
        "y" * 100_000,
    ],
)
def test_what_cannot_be_one_compound_is_not_asked_for(name: str) -> None:
    assert key(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "Milk of Magnesia",
        "Epsom salts",
        "baking soda",
        "laughing gas",
        "coal tar",
        "curcumin",
        "genistein",
        "psilocybin",
    ],
)
def test_what_is_one_compound_is_asked_for_whatever_its_words_mean(name: str) -> None:
    assert key(name) == name.lower()


@given(st.text(max_size=60) | st.text("aβ Μm’™-,(é", max_size=12))
def test_a_key_is_its_own_key(name: str) -> None:
    written = key(name)
    if written is not None:
        assert key(written) == written
        assert written == written.casefold() == " ".join(written.split())
        assert written.isprintable()
        assert len(written) <= MAX_CHARACTERS
        assert sum(map(str.isalnum, written)) >= MIN_CHARACTERS


@given(st.text("abcXYZ019-", min_size=3, max_size=12))
def test_case_and_spaces_around_make_no_difference(name: str) -> None:
    assert key(f" {name.upper()}  ") == key(name.lower())


@pytest.mark.parametrize(
    "name",
    ["mtx", "5-fu", "prp", "r21", "m-72", "tmz", "sbrt", "ptns", "k-877", "f/taf", "mna-sf", "sf-msc-ex"],
)
def test_short_names_are_abbreviations(name: str) -> None:
    assert is_abbreviation(name)


@pytest.mark.parametrize(
    "name", ["zinc", "urea", "ak104", "dmso", "abt-199", "imatinib", "rhythm x", "l-dopa"]
)
def test_longer_names_and_codes_are_no_abbreviations(name: str) -> None:
    assert not is_abbreviation(name)


def test_other_names_are_cleaned_and_each_is_a_key_once() -> None:
    others = ["Tagrisso®", "AZD9291 80 mg tablet", "tagrisso", "OSIMERTINIB"]
    assert keys("Osimertinib", others, "DRUG") == Names("osimertinib", ("tagrisso", "azd9291"))


@pytest.mark.parametrize(
    "other",
    [
        "Placebo",
        "no treatment",
        "Study treatment",
        "cisplatin and paclitaxel",
        "Combination product: gemcitabine 1000 mg/m2",
        "T3",
        "",
    ],
)
def test_other_names_that_are_no_name_of_one_substance_are_left_out(other: str) -> None:
    assert keys("Osimertinib", [other, "AZD9291"], "DRUG") == Names("osimertinib", ("azd9291",))


def test_other_names_remain_where_the_name_is_too_general() -> None:
    assert keys("Chemotherapy", ["Docetaxel"], "DRUG") == Names(None, ("docetaxel",))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Influenza vaccine", "squalene"),
        ("pembrolizumab", "MK-3475"),
        ("MK-3475", "Pembrolizumab (Keytruda)"),
        ("RC108", "Toripalimab"),
        ("ACE-011", "sotatercept"),
    ],
)
def test_nothing_is_asked_about_substances_too_large_to_be_a_compound(name: str, other: str) -> None:
    assert keys(name, [other, "furmonertinib"], "BIOLOGICAL") == Names(None, ())


def test_other_names_are_bounded() -> None:
    found = keys("Osimertinib", (f"abc-{number}" for number in range(100, 1_000_000)), "DRUG")
    assert len(found.others) == MAX_OTHERS


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=4))
def test_keys_of_any_names_are_keys(name: str, others: list[str]) -> None:
    found = keys(name, others, "DRUG")
    every = [one for one in (found.primary, *found.others) if one is not None]
    assert [key(one) for one in every] == every
    assert len(set(every)) == len(every)


@given(st.text(max_size=40))
def test_a_cleaned_name_has_the_key_of_its_clean_name(name: str) -> None:
    for part in names.clean(name, "DRUG").parts:
        if part.clean_name is not None:
            assert keys(part.clean_name, (), "DRUG").primary in {key(part.clean_name), None}
