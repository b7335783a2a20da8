# ruff: noqa: SIM905  (word lists read better as text)
"""Cleaning of intervention names: what is taken away, what is split, what stays."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.sources.ctgov.names import MAX_LENGTH, MAX_PARTS, SUBSTANCES, Part, clean, is_inert


def cleaned(name: str, kind: str = "DRUG") -> list[str | None]:
    return [part.clean_name for part in clean(name, kind).parts]


def rules(name: str, kind: str = "DRUG") -> str:
    return " | ".join("+".join(part.rules) for part in clean(name, kind).parts)


@pytest.mark.parametrize(
    "name",
    [
        "Metformin",
        "5-FU",
        "S-1",
        "IL-2",
        "MK-3475",
        "BI 764532",
        "NNC0519-0130",
        "BAY 59-7939",
        "PEG 3350",
        "Vitamin B12",
        "Factor IV",
        "Interferon beta-1a",
        "peginterferon alfa-2a",
        "(R)-ketamine",
        "Iron(III) chloride",
        "[18F]FDG",
        "[177Lu]Lu-PSMA-617",
        "borofalan(10B)",
        "Technetium 99 m sestamibi",
        "Botulinum toxin type A",
        "HER2/neu peptide vaccine",
        "PD-1/PD-L1 inhibitor",
        "DTaP-IPV/Hib",
        "Measles, mumps and rubella vaccine",
        "13-valent pneumococcal conjugate vaccine",
        "CD34+ cells",
        "Autologous CD4+ T cells",
        "Influenza vaccine, inactivated",
        "Oral rehydration solution",
        "Oral contraceptives",
        "Lugol's solution",
        "Drugs",
        "Standard chemotherapy",
        "Chewing gum",
        "Injection cocktail",
        "Oral tablet",
    ],
)
def test_name_of_a_substance_stays_as_it_is(name: str) -> None:
    assert clean(name, "DRUG").parts == (Part(name, ()),)


@pytest.mark.parametrize(
    ("name", "clean_name", "rule"),
    [
        ("Herceptin®", "Herceptin", "normalize"),
        ("  Ibuprofen\u00a0 sodium.", "Ibuprofen sodium", "normalize"),
        ("Ｍetformin", "Metformin", "normalize"),
        ("Arm A: Atezolizumab", "Atezolizumab", "strip_label"),
        ("Experimental: Drug X", "Drug X", "strip_label"),
        ("Group 2 - Ketamine", "Ketamine", "strip_label"),
        ("Trastuzumab (Herceptin)", "Trastuzumab", "strip_brackets"),
        ("Iopromide [contrast", "Iopromide", "strip_brackets"),
        ("Cisplatin 75mg/m2", "Cisplatin", "strip_dose"),
        ("Cisplatin 75mg/m²", "Cisplatin", "normalize+strip_dose"),
        ("10 mg Zopiclone", "Zopiclone", "strip_dose"),
        ("Escitalopram 10mg-20mg/day", "Escitalopram", "strip_dose"),
        ("Ivermectin 200 μg/kg single dose", "Ivermectin", "strip_dose"),
        ("low-dose aspirin", "aspirin", "strip_dose"),
        ("Poziotinib Twice Daily Dosing", "Poziotinib", "strip_dose"),
        ("Milciclib Dose: 150 mg/day Mode of administration: oral", "Milciclib", "strip_dose"),
        ("Digoxin on Day 1", "Digoxin", "strip_tail"),
        ("chemotherapy for MRD- patients", "chemotherapy", "strip_tail"),
        ("neoadjuvant nivolumab", "nivolumab", "strip_setting"),
        ("Lazertinib group", "Lazertinib", "strip_setting"),
        ("Neratinib tablets", "Neratinib", "strip_form"),
        ("Extended-release naltrexone", "naltrexone", "strip_form"),
        ("Sinemet CR", "Sinemet", "strip_form"),
        ("Pembrolizumab 200 mg IV every 3 weeks", "Pembrolizumab", "strip_dose+strip_form"),
        ("Atropine Sulfate 0.01% Eye Drops", "Atropine Sulfate", "strip_dose+strip_form"),
        ("EntrestoTM", "Entresto", "normalize"),
        ("Entresto TM", "Entresto", "normalize"),
        ("Entresto(tm)", "Entresto", "normalize"),
        ("Entresto™50 mg", "Entresto", "normalize+strip_dose"),
        ("TX000045-", "TX000045", "normalize"),
        ("-ketamine", "ketamine", "normalize"),
        ("AZD9977 ER", "AZD9977", "strip_form"),
        ("METFORMIN XR", "METFORMIN", "strip_form"),
        ("metformin sr", "metformin", "strip_form"),
        ("Metformin XR 500", "Metformin", "strip_form"),
        ("Oxycodone CR/IR", "Oxycodone", "strip_form"),
        ("Morphine IR", "Morphine", "strip_form"),
        ("OROS methylphenidate", "methylphenidate", "strip_form"),
        ("Octreotide LAR", "Octreotide", "strip_form"),
        ("Epinephrine 1:10,000", "Epinephrine", "strip_dose"),
        ("Adrenaline 1 in 1000", "Adrenaline", "strip_dose"),
        ("Carboplatin AUC 5", "Carboplatin", "strip_dose"),
        ("Capecitabine 1000 mg/m2 bid d1-14", "Capecitabine", "strip_dose"),
        ("Amoxicillin in 2 divided doses", "Amoxicillin", "strip_dose"),
        (
            "Bupivacaine-Epinephrine 0.25%-1:200,000 Injectable Solution",
            "Bupivacaine-Epinephrine",
            "strip_dose+strip_form",
        ),
        ("Insulin glargine 100 UNT/ML [Basaglar]", "Insulin glargine", "strip_brackets+strip_dose"),
        ("60 ACTUAT Albuterol 0.09 MG/ACTUAT", "Albuterol", "strip_dose"),
        ("Navtemadlin escalating", "Navtemadlin", "strip_dose"),
        ("Navtemadlin dose escalation", "Navtemadlin", "strip_dose"),
        ("multiple ascending dose BMS-986165", "BMS-986165", "strip_dose"),
        ("Ketorolac Injection Cocktail", "Ketorolac", "strip_form"),
        ("Magnesium sulfate 4 g in normal saline", "Magnesium sulfate", "strip_dose+strip_tail"),
        ("Hyperbaric bupivacaine", "bupivacaine", "strip_setting"),
        ("Placebo-controlled dapagliflozin", "dapagliflozin", "strip_setting"),
        ("JS111 capsules (AP-L1898)", "JS111", "strip_brackets+strip_form"),
    ],
)
def test_what_is_not_the_substance_is_taken_away(name: str, clean_name: str, rule: str) -> None:
    assert cleaned(name) == [clean_name]
    assert rules(name) == rule


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("AK104+anlotinib", ["AK104", "anlotinib"]),
        ("Oral S-1 + Oral Osimertinib", ["S-1", "Osimertinib"]),
        ("paclitaxel/carboplatin", ["paclitaxel", "carboplatin"]),
        ("Losartan/HCTZ", ["Losartan", "HCTZ"]),
        ("CT-2103/carboplatin", ["CT-2103", "carboplatin"]),
        ("Insulin glargine/lixisenatide (HOE901/AVE0010)", ["Insulin glargine", "lixisenatide"]),
        ("Zinc and vitamin A", ["Zinc", "vitamin A"]),
        ("co-administration of aztreonam and nacubactam", ["aztreonam", "nacubactam"]),
        ("furmonertinib combined with anlotinib", ["furmonertinib", "anlotinib"]),
        ("QL1706 plus bevacizumab with or without chemotherapy", ["QL1706", "bevacizumab", "chemotherapy"]),
        ("Tislelizumab，atezolizumab or sugemalimab", ["Tislelizumab", "atezolizumab", "sugemalimab"]),
        ("SHR-1826；Adebrelimab", ["SHR-1826", "Adebrelimab"]),
        ("Vinorelbine, cisplatin", ["Vinorelbine", "cisplatin"]),
        (
            "TY-9591 160mg QD+pemetrexed+Cisplatin/Carboplatin",
            ["TY-9591", "pemetrexed", "Cisplatin", "Carboplatin"],
        ),
        ("Atezolizumab or placebo", ["Atezolizumab", None]),
        ("Placebo + Ketamine", [None, "Ketamine"]),
        ("Ketamine + placebo", ["Ketamine", None]),
        ("Ketamine/placebo", ["Ketamine", None]),
        ("Ketamine and matching placebo", ["Ketamine", None]),
        ("Methotrexate with placebo to tofacitinib", ["Methotrexate", None]),
        ("Methotrexate + placebo for tofacitinib", ["Methotrexate", None]),
        ("Placebo and ketamine for injection", [None, "ketamine"]),
        ("Vehicle + clascoterone", [None, "clascoterone"]),
        ("Drug A + placebo", ["Drug A", None]),
        ("X + placebo", [None, None]),
        ("Ketamine, matching placebo", ["Ketamine", None]),
        ("Ketamine or saline placebo", ["Ketamine", None]),
        ("Ketamine or midazolam (active placebo)", ["Ketamine", None]),
        ("Ketamine/saline placebo", ["Ketamine", None]),
        ("PBO + ketamine", [None, "ketamine"]),
        ("sacubitril/valsartan placebo + enalapril", [None, "enalapril"]),
        ("enalapril and placebo for sacubitril/valsartan", ["enalapril", None]),
        ("Empagliflozin plus usual care", ["Empagliflozin", None]),
        ("Standard of care + empagliflozin", [None, "empagliflozin"]),
        ("Treatment as usual for asthma plus montelukast", [None, "montelukast"]),
        ("Amlodipine/valsartan 5/160", ["Amlodipine", "valsartan"]),
        ("Empagliflozin in addition to standard of care", ["Empagliflozin", None]),
        ("Lidocaine 2% with epinephrine 1:100,000", ["Lidocaine", "epinephrine"]),
        ("Amlodipine 5 MG / Benazepril 10 MG Oral Capsule [Lotrel]", ["Amlodipine", "Benazepril"]),
    ],
)
def test_combination_is_split_into_its_substances(name: str, parts: list[str | None]) -> None:
    assert cleaned(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        "Metformin with meals",
        "Insulin pump with the usual settings",
        "irinotecan/5-FU",
        "Tablets and capsules",
        " and ".join(["aspirin"] * (MAX_PARTS + 1)),
    ],
)
def test_what_does_not_fall_into_names_is_not_split(name: str) -> None:
    assert len(cleaned(name)) == 1


@pytest.mark.parametrize("kind", ["DEVICE", "PROCEDURE", "BEHAVIORAL", "OTHER", "RADIATION", None])
def test_other_things_than_substances_keep_their_words(kind: str | None) -> None:
    assert [p.clean_name for p in clean("Diet and exercise (12 weeks)", kind).parts] == [
        "Diet and exercise (12 weeks)"
    ]
    assert [p.clean_name for p in clean("Arm B: Laser 5 mg", kind).parts] == ["Laser 5 mg"]


@pytest.mark.parametrize("kind", ["DRUG", "DEVICE"])
@pytest.mark.parametrize(
    "name",
    ["Placebo", "placebo (once daily)", "Placebo for Atogepant", "Semaglutide placebo", "Sham", "Sham tDCS"],
)
def test_placebo_has_no_name_left_and_is_a_control(name: str, kind: str) -> None:
    (part,) = clean(name, kind).parts

    assert part.clean_name is None
    assert part.is_placebo
    assert part.is_control
    assert part.rules[-1] == "placebo"
    assert clean(name, kind).is_placebo


@pytest.mark.parametrize(
    "name",
    [
        "Placebo to Drug A and Drug B",
        "sacubitril/valsartan matching placebo",
        "sacubitril/valsartan placebo",
        "sacubitril and valsartan-placebo",
        "Placebo sacubitril/valsartan",
        "Placebo matching sacubitril/valsartan",
        "placebo to match sacubitril + valsartan",
        "sacubitril/valsartan (placebo)",
        "Saline (placebo)",
        "Niacin 100 mg (active placebo)",
        "Placebo Comparator: saline",
    ],
)
def test_placebo_of_one_or_several_drugs_is_one_placebo(name: str) -> None:
    assert cleaned(name) == [None]
    assert clean(name, "DRUG").is_placebo


def test_a_drug_beside_which_placebo_stands_in_brackets_is_the_drug() -> None:
    assert cleaned("Ketamine (or matching placebo)") == ["Ketamine"]
    assert cleaned("Clascoterone in vehicle") == ["Clascoterone in vehicle"]


def test_vehicle_and_saline_control_are_placebos_of_substances_only() -> None:
    assert clean("Vehicle cream", "DRUG").is_placebo
    assert clean("Saline control", "DRUG").is_placebo
    assert not clean("Electric vehicle", "DEVICE").is_placebo
    # Saline alone may be the treatment; its arms tell.
    assert not clean("Normal saline 0.9%", "DRUG").is_placebo
    assert is_inert("Normal saline")
    assert not is_inert("Hypertonic saline")


@pytest.mark.parametrize(
    "name",
    [
        "Control",
        "No Intervention",
        "Usual care",
        "treatment as usual",
        "Treatment as Usual",
        "Treatment-as-usual (TAU)",
        "Treatment as usual in the community",
        "treatment as usual - medicine",
        "control, no treatment",
        "control no treatment",
        "Enhanced usual care",
        "Standard of Care",
        "Standard-of-care treatment",
        "Local standard of care (SOC)",
        "Standard treatment",
        "Routine antenatal care",
        "Best supportive care",
        "Untreated",
        "Untreated or Routine Care Control Group",
        "Usual care / waiting list control",
        "No premedication",
        "Watchful waiting",
        "wait-list",
    ],
)
def test_control_has_no_name_left_but_is_no_placebo(name: str) -> None:
    for kind in ("DRUG", "OTHER"):
        (part,) = clean(name, kind).parts

        assert (part.clean_name, part.is_control, part.is_placebo) == (None, True, False)


@pytest.mark.parametrize(
    "name", ["Standard antibiotics", "Standard of Care Chemotherapy", "Medical treatment"]
)
def test_a_class_of_drugs_is_no_control_by_its_name(name: str) -> None:
    assert not clean(name, "DRUG").parts[0].is_control


def test_prose_is_left_alone() -> None:
    prose = "aspirin 10 mg and more words " * (MAX_LENGTH // 20)

    assert clean(prose, "DRUG").parts == (Part(prose, ()),)


@pytest.mark.parametrize("name", ["?", "--", "12", "(", "®"])
def test_name_without_letters_gives_no_clean_name(name: str) -> None:
    assert cleaned(name) == [None]


WORDS = st.sampled_from(
    """
    placebo sham vehicle saline control Aspirin metformin ABC-123 5-FU S-1 vitamin A B12 and or with plus + / , ;
    & vs ( ) [ ] 10 mg 5% mg/kg /day mL QD bid once daily every 3 weeks low dose tablet capsule injection oral IV
    nasal spray eye drops solution for to match of matching in combination followed by Arm A: Group 1 - treatment
    neoadjuvant alone group formulation Dose: _ . x ~ 1,1 1.5 ± as per on day patients vaccine inhibitor cells ®
    (R) [18F] TM ER xr 1:200,000 - escalating standard care treatment as chewing gum UNT/ML cocktail matching AUC 5
    no intervention usual care extended-release XR 's CD19 HER2/neu without + 2 mg) Ⅳ ｍｇ ﬁ \u200b
    """.split()
)
NAMES = st.one_of(
    st.text(max_size=40),
    st.builds("".join, st.lists(st.one_of(WORDS, st.just(" ")), max_size=12)),
    st.builds(" ".join, st.lists(WORDS, max_size=12)),
)


@settings(max_examples=400, deadline=None)
@given(NAMES, st.sampled_from([*sorted(SUBSTANCES), "DEVICE", None]))
@example("+ + a", "DRUG")
@example("nasal spray " * 25, "DRUG")
def test_cleaning_a_clean_name_changes_nothing(name: str, kind: str | None) -> None:
    for part in clean(name, kind).parts:
        if part.clean_name is not None:
            assert clean(part.clean_name, kind).parts == (Part(part.clean_name, ()),)


@settings(max_examples=200, deadline=None)
@given(NAMES, st.sampled_from(["DRUG", "DEVICE"]))
def test_every_part_tells_its_rules_and_no_name_means_control_or_nothing(name: str, kind: str) -> None:
    parts = clean(name, kind).parts

    assert 1 <= len(parts) <= MAX_PARTS
    for part in parts:
        if len(parts) > 1:
            assert any(rule.startswith("split_") for rule in part.rules)
        if part.is_placebo:
            assert part.is_control
            assert part.clean_name is None
