# ruff: noqa: RUF001  (look-alike characters are what the sample is for)
"""Words that the sample studies are written with: all invented or common knowledge, none from a recording.

Privacy: persons in the sample are invented, and every trace of one can be recognised. Each surname is in
`SURNAMES` and appears nowhere else, each telephone number contains 555, each mail address ends in `.example`.
`person_traces` finds them in any text, so a test can say "no published table holds a person".
"""

import re

PLAIN_SURNAMES = (
    "Quillfeather", "Varnholt", "Ostrymek", "Dallenbusch", "Fennimarch", "Gribaldsen", "Halvardine",
    "Istrovanni", "Jesperhuus", "Kallimore", "Lindequartz", "Morvantine", "Nettlebrack", "Okonderwa",
    "Pellegrath", "Quastenberg", "Rosenvinter", "Szalkomir", "Tamberlynn", "Ulvensgaard", "Vexelmann",
    "Winterhalm", "Yarrowmede", "Zumbrecken", "Abernolly", "Brackenfeldt", "Cosgrivane", "Drummelow",
)  # fmt: skip
ACCENTED_SURNAMES = (
    "Ørstavnes", "Müllhausner", "Çelikdöven", "Štěpkovský", "Ibañerra", "Łukaszczyn", "Gåsvärdh",
    "Béaumarchel",
)  # fmt: skip
SURNAMES = PLAIN_SURNAMES + ACCENTED_SURNAMES
"""Every surname in the sample; none of them is a word or a place, but a few persons are sponsors."""

MAIL_SUFFIX = ".example"
PHONE_MARK = "555"

# NCT numbers may hold the same digits and are no telephone numbers.
_PERSON_TRACE = re.compile("|".join([*SURNAMES, r"@[\w.-]+\.example", r"(?<!NCT0)555[ .-]?01\d\d"]))


def person_traces(text: str) -> list[str]:
    """Return every surname, mail address (from the @ on) and telephone number (its end) in `text`."""
    return _PERSON_TRACE.findall(text)


PLAIN_GIVEN_NAMES = (
    "Marta", "Jonas", "Ines", "Wei", "Tomasz", "Aiko", "Rahul", "Lucia", "Peter", "Amara", "Oliver",
    "Yasmin",
)  # fmt: skip
ACCENTED_GIVEN_NAMES = ("José", "Zoë", "François", "Jürgen", "Søren", "Gülşen")
DEGREES = ("MD", "MD, PhD", "PhD", "M.D.", "MBBS, FRCP", "Prof.", "RN", "PharmD", "DDS")
PHONE_FORMS = (
    "+1 202-555-01{:02d}", "(312) 555-01{:02d}", "+49 30 555 01{:02d}", "20255501{:02d}",
    "+81-3-555-01{:02d}", "555.01{:02d}", "+33 1 555 01{:02d}", "0044 20 555-01{:02d}",
)  # fmt: skip
MAIL_HOSTS = ("hospital", "trials", "med.university", "research-center", "clinic")

# --- organisations

ORGANIZATION_STEMS = (
    "Northfield", "Lakeside", "Riverbend", "Saint Aldwyn", "Kestrel Bay", "Marienhof", "Costa Clara",
    "Eastmoor", "Highmere", "Greenvale", "Two Rivers", "Ashgrove", "Bellweather", "Harborview",
    "Santa Oriana", "Tanglewood", "Silver Lake", "Old Mill", "Pinecrest", "Redstone", "Monte Alba",
    "Nordhavn", "Sunfield", "Whitecliff",
)  # fmt: skip
ACCENTED_ORGANIZATION_STEMS = (
    "São Bento", "Östermalm", "Île-Verte", "Königsbrunn", "Málaga Norte", "Åsgård", "Wołomin", "Côte-Bleue",
)  # fmt: skip
ACADEMIC_FORMS = (
    "{} University", "University Hospital {}", "{} Medical Center", "{} General Hospital",
    "{} Cancer Institute", "{} Children's Hospital", "{} Research Foundation", "{} Institute of Health",
    "{} School of Medicine",
)  # fmt: skip
COMPANY_FORMS = (
    "{} Pharmaceuticals, Inc.", "{} Biotech Co., Ltd.", "{} Therapeutics", "{} Medical Devices GmbH",
    "{} Biosciences AG", "{} Pharma S.p.A.",
)  # fmt: skip
AGENCY_FORMS = ("{} Department of Health", "{} Veterans Office of Research", "National {} Institute")
NETWORK_FORMS = ("{} Oncology Group", "{} Cooperative Trials Network")
FACILITY_FORMS = (
    *ACADEMIC_FORMS, "{} Clinic", "{} Clinical Research Unit", "{} Health Centre", "Klinikum {}",
    "{} Day Hospital", "Research Site {}", "Investigational Site {}",
)  # fmt: skip
PERSONAL_FACILITY_FORMS = (
    "Praxis Dr. {person}", "{person} Clinic", "{place} Clinic /ID# 2187, Dr. {person}",
    "Office of Dr. {person}, tel. {phone}", "{place} Hospital (contact {mail})",
)  # fmt: skip

CITIES: tuple[tuple[str, str | None, str | None, str, float, float], ...] = (
    # city, state, zip, country, latitude, longitude
    ("Boston", "Massachusetts", "02114", "United States", 42.35843, -71.05977),
    ("Houston", "Texas", "77030", "United States", 29.76328, -95.36327),
    ("Phoenix", "Arizona", "85006", "United States", 33.44838, -112.07404),
    ("Chicago", "Illinois", "60611", "United States", 41.85003, -87.65005),
    ("Seattle", "Washington", "98109", "United States", 47.60621, -122.33207),
    ("Atlanta", "Georgia", "30322", "United States", 33.749, -84.38798),
    ("Miami", "Florida", "33136", "United States", 25.77427, -80.19366),
    ("Denver", "Colorado", "80205", "United States", 39.73915, -104.9847),
    ("Durham", "North Carolina", "27710", "United States", 35.99403, -78.89862),
    ("Los Angeles", "California", "90095", "United States", 34.05223, -118.24368),
    ("Toronto", "Ontario", "M5G 2M9", "Canada", 43.70011, -79.4163),
    ("London", None, "SW3 6JJ", "United Kingdom", 51.50853, -0.12574),
    ("Leeds", None, None, "United Kingdom", 53.79648, -1.54785),
    ("Berlin", None, "10117", "Germany", 52.52437, 13.41053),
    ("Hamburg", None, "20246", "Germany", 53.57532, 10.01534),
    ("Paris", None, "75013", "France", 48.85341, 2.3488),
    ("Lyon", None, None, "France", 45.74846, 4.84671),
    ("Madrid", None, "28046", "Spain", 40.4165, -3.70256),
    ("Barcelona", None, "08035", "Spain", 41.38879, 2.15899),
    ("Milan", None, "20133", "Italy", 45.46427, 9.18951),
    ("Rome", None, None, "Italy", 41.89193, 12.51133),
    ("Vienna", None, "1090", "Austria", 48.20849, 16.37208),
    ("Copenhagen", None, "2100", "Denmark", 55.67594, 12.56553),
    ("Stockholm", None, None, "Sweden", 59.33258, 18.0649),
    ("Warsaw", None, "02-781", "Poland", 52.22977, 21.01178),
    ("Prague", None, None, "Czechia", 50.08804, 14.42076),
    ("Cairo", None, "11566", "Egypt", 30.06263, 31.24967),
    ("Tel Aviv", None, "64239", "Israel", 32.08088, 34.78057),
    ("Beijing", "Beijing Municipality", "100730", "China", 39.9075, 116.39723),
    ("Shanghai", "Shanghai Municipality", "200032", "China", 31.22222, 121.45806),
    ("Guangzhou", "Guangdong", None, "China", 23.11667, 113.25),
    ("Tokyo", None, "104-0045", "Japan", 35.6895, 139.69171),
    ("Seoul", None, "03080", "South Korea", 37.566, 126.9784),
    ("Taipei", None, None, "Taiwan", 25.05306, 121.52639),
    ("Mumbai", "Maharashtra", "400012", "India", 19.07283, 72.88261),
    ("Karachi", "Sindh", None, "Pakistan", 24.8608, 67.0104),
    ("Sydney", "New South Wales", "2145", "Australia", -33.86785, 151.20732),
    ("Cape Town", "Western Cape", None, "South Africa", -33.92584, 18.42322),
    ("Buenos Aires", None, "C1181", "Argentina", -34.61315, -58.37723),
)
ACCENTED_CITIES: tuple[tuple[str, str | None, str | None, str, float, float], ...] = (
    ("São Paulo", "São Paulo", "01246-000", "Brazil", -23.5475, -46.63611),
    ("Istanbul", None, None, "Turkey (Türkiye)", 41.01384, 28.94966),
    ("Malmö", None, None, "Sweden", 55.60587, 13.00073),
    ("Köln", None, "50937", "Germany", 50.93333, 6.95),
    ("Montréal", "Quebec", "H2X 0A9", "Canada", 45.50884, -73.58781),
    ("Łódź", None, None, "Poland", 51.75, 19.46667),
    ("Bogotá", None, None, "Colombia", 4.60971, -74.08175),
    ("Besançon", None, "25000", "France", 47.24878, 6.01815),
    ("Tromsø", None, None, "Norway", 69.6489, 18.95508),
)

# --- conditions and interventions

CONDITION_SITES = (
    "Breast", "Lung", "Colorectal", "Gastric", "Ovarian", "Prostate", "Renal", "Hepatic", "Cardiac",
    "Cervical", "Thyroid", "Pancreatic", "Bladder", "Knee", "Shoulder", "Lumbar", "Retinal", "Dental",
    "Skin", "Esophageal",
)  # fmt: skip
CONDITION_KINDS = (
    "Cancer", "Neoplasms", "Failure", "Injury", "Pain", "Infection", "Inflammation", "Fibrosis", "Ischemia",
    "Disease", "Surgery Complications", "Carcinoma",
)  # fmt: skip
COMMON_CONDITIONS = (
    "Healthy", "Obesity", "Hypertension", "Depression", "Anxiety", "Stroke", "Asthma", "COPD",
    "HIV Infections", "Type 2 Diabetes", "Type 1 Diabetes", "COVID-19", "Malaria", "Tuberculosis",
    "Schizophrenia", "Epilepsy", "Migraine", "Insomnia", "Osteoarthritis", "Rheumatoid Arthritis",
    "Psoriasis", "Atopic Dermatitis", "Multiple Sclerosis", "Parkinson Disease", "Alzheimer Disease",
    "Chronic Kidney Diseases", "Sepsis", "Postoperative Pain", "Heart Failure", "Atrial Fibrillation",
    "Preterm Birth", "Infertility", "Periodontitis", "Hepatitis B", "Leukemia, Myeloid, Acute",
    "Lymphoma, B-Cell", "Multiple Myeloma", "Melanoma (Skin)", "Smoking Cessation",
    "Non-small Cell Lung Cancer", "Crohn's Disease", "Sickle Cell Disease",
)  # fmt: skip
ACCENTED_CONDITIONS = (
    "Sjögren's Syndrome", "Ménière Disease", "Behçet Syndrome", "β-Thalassemia", "Guillain-Barré Syndrome",
)  # fmt: skip
KEYWORDS = (
    "quality of life", "randomized", "survival", "adherence", "biomarkers", "exercise", "safety", "EGFR",
    "primary care", "pediatrics", "elderly", "pharmacokinetics", "recurrence", "HER2", "PD-L1",
)  # fmt: skip

KNOWN_DRUGS = (
    "Aspirin", "Metformin", "Ibuprofen", "Acetaminophen", "Dexamethasone", "Prednisone", "Cisplatin",
    "Carboplatin", "Paclitaxel", "Docetaxel", "Cyclophosphamide", "Doxorubicin", "Methotrexate",
    "Bupivacaine", "Lidocaine", "Ketamine", "Propofol", "Atorvastatin", "Rosuvastatin", "Losartan",
    "Amlodipine", "Warfarin", "Heparin", "Omeprazole", "Azithromycin", "Amoxicillin", "Vancomycin",
    "Fluconazole", "Ribavirin", "Tenofovir", "Sildenafil", "Letrozole", "Tamoxifen", "Oxytocin",
    "Misoprostol", "Gabapentin", "Morphine", "Fentanyl", "Vitamin D",
)  # fmt: skip
DRUG_ONSETS = (
    "ab", "acu", "al", "bel", "bri", "cal", "ce", "cor", "da", "del", "do", "el", "em", "fa", "fen", "fo",
    "ga", "glo", "i", "ka", "la", "le", "lor", "ma", "me", "mo", "na", "ni", "ol", "pa", "pe", "pra", "qui",
    "ra", "ri", "sa", "sel", "si", "so", "ta", "te", "tri", "u", "va", "ve", "vo", "xe", "za", "zi", "zo",
)  # fmt: skip
DRUG_MIDDLES = (
    "ba", "bri", "ci", "da", "fe", "ga", "la", "li", "lo", "ma", "mi", "ne", "no", "pi", "ra", "ri", "ro",
    "sa", "se", "ta", "te", "ti", "to", "ve", "vi", "xa", "ze", "zo",
)  # fmt: skip
DRUG_ENDINGS = (
    "cept", "cillin", "dipine", "dronate", "fenib", "gliptin", "glutide", "ketam", "mycin", "olol", "parin",
    "prazole", "sartan", "statin", "taxel", "tinib", "triptan", "vir", "xaban", "zepam", "zolid", "zumab",
)  # fmt: skip
BIOLOGICAL_ENDINGS = (
    "limab", "tuzumab", "ximab", "kinra", "leucel", "stim", "virus vaccine", "gene vec", "toxin A",
)  # fmt: skip
ROUTES_AND_FORMS = (
    "oral tablet", "injection", "intravenous infusion", "IV", "topical cream", "nasal spray",
    "extended release", "capsules", "eye drops", "subcutaneous injection", "transdermal patch",
    "oral solution",
)  # fmt: skip
DOSES = (
    "5 mg", "10 mg", "20mg", "0.5 mg/kg", "100 mg twice daily", "75 mg/m2", "2%", "500 IU",
    "40 mg once daily", "1 g", "150mg", "0.2 mg/day",
)  # fmt: skip
ACCENTED_DOSES = ("250 µg", "≥ 10 mg", "1×10⁶ cells", "100 μg/kg")
BRACKETS = ("[{code}]", "({code})", "(high dose)", "(Arm A)", "(generic)", "({other})", "(investigational)")
PLACEBO_FORMS = (
    "Placebo oral tablet", "Matching placebo", "Placebo for {drug}", "{drug} placebo", "Placebo (saline)",
    "placebo capsule", "Sham injection", "PLACEBO", "Placebos", "Matched Placebo to {drug}",
)  # fmt: skip
SHAM_FORMS = ("Sham {}", "sham {}", "Sham Comparator: {}", "Inactive {}", "{} (sham)")
CODE_LETTERS = (
    "ABT", "AZX", "BMR", "CTX", "GLK", "HRS", "JNT", "KQ", "LY", "MK", "NVX", "PF", "RG", "SHR", "TAK", "VX",
)  # fmt: skip

PRACTICE_QUALITIES = (
    "Cognitive", "Supervised", "Home-based", "Guided", "Intensive", "Low-level", "Ultrasound-guided",
    "Digital", "Laparoscopic", "Transcranial", "Motivational", "Personalized", "Nurse-led", "Group",
    "Automated", "Remote", "High-intensity", "Early", "Modified", "Standard", "Continuous", "Single-session",
    "Robotic", "Extended",
)  # fmt: skip
PRACTICE_KINDS: dict[str, tuple[str, ...]] = {
    "DEVICE": (
        "Stimulator", "Catheter", "Monitor", "Implant", "Laser", "Stent", "Lens", "Mask", "Splint", "App",
    ),
    "OTHER": (
        "Questionnaire", "Standard of Care", "Data Collection", "Usual Care", "Education", "Observation",
    ),
    "PROCEDURE": (
        "Block", "Biopsy", "Resection", "Bypass", "Massage", "Anastomosis", "Transplant", "Drainage",
    ),
    "BEHAVIORAL": (
        "Therapy", "Training", "Counseling", "Coaching", "Mindfulness", "Walking Program", "Text Messages",
    ),
    "DIAGNOSTIC_TEST": ("MRI", "Blood Test", "Echocardiography", "PET-CT", "Swab", "Sequencing Panel"),
    "DIETARY_SUPPLEMENT": (
        "Probiotic", "Omega-3", "Protein Powder", "Magnesium", "Iron Supplement", "Herbal Extract",
    ),
    "RADIATION": ("Radiotherapy", "Brachytherapy", "Radiosurgery", "Proton Therapy", "Dose Boost"),
    "COMBINATION_PRODUCT": (
        "Drug-eluting Implant", "Prefilled Autoinjector", "Medicated Patch", "Inhaler System",
    ),
    "GENETIC": ("Gene Transfer", "Genotyping", "Exome Sequencing", "Vector Infusion"),
}  # fmt: skip
PRACTICE_TARGETS = (
    "for Adults", "for Caregivers", "of the Knee", "of the Hip", "at Home", "in Pregnancy", "for Pain",
    "for Sleep", "with Follow-up", "for Gait", "after Surgery", "for Adolescents", "in Primary Care",
    "of the Airway", "for Balance", "for Memory", "with Feedback", "before Discharge", "for Swallowing",
    "of the Spine",
)  # fmt: skip

# --- sentences

ACRONYM_PARTS = (
    "PRO", "ACT", "HOPE", "VITA", "CARD", "NEO", "OPT", "STEP", "REACH", "ION", "LUM", "TRI", "SAFE",
)  # fmt: skip
SENTENCES = (
    "Participants are assigned to the groups with a computer-generated list kept outside the team.",
    "The sample size was computed for a power of {n} percent at a two-sided significance level of 0.05.",
    "Follow-up visits take place at weeks {n}, {m} and {k} after the first administration.",
    "Secondary aims are tolerability, adherence and the cost of care from the payer's point of view.",
    "All assessors are kept unaware of the allocation until the data base has been locked.",
    "Blood samples of {n} mL are drawn before treatment and stored for later analysis of biomarkers.",
    "A data monitoring committee reviews unblinded safety data after every {n} participants.",
    "Little is known about how long the benefit lasts once treatment has been stopped.",
    "The hypothesis is that the new approach is not inferior to usual care by a margin of {n} percent.",
    "Patients who withdraw are invited to the final visit and analysed in the group they were assigned to.",
    "Treatment goes on until progression, unacceptable toxicity or for at most {n} cycles of {m} days.",
    "Imaging is repeated every {n} weeks and read centrally by two independent radiologists.",
    "Questionnaires on quality of life, sleep and mood are filled in at home on a tablet computer.",
    "The first {n} participants form a safety run-in; enrollment is paused for {m} days afterwards.",
    "Missing values will be handled by multiple imputation under a missing-at-random assumption.",
)
ACCENTED_SENTENCES = (
    "Doses are raised in steps of {n} µg/kg until a serum level of ≥ {m} ng/mL is reached.",
    "Temperature is kept at {n} °C ± 0.5 °C – measured at the tympanic membrane.",
    "The so-called “wash-out” lasts {n}–{m} days and is the participant’s own choice.",
    "Interleukin-1β, TNF-α and IFN-γ are measured at each of {n} visits.",
    "Centres in Málaga, Köln and São Paulo take part; recruitment is expected to last {n} months.",
)
CRITERIA = (
    "* Age between {n} and {m} years at the time of consent",
    "* Signed informed consent before any study procedure",
    "* Body mass index between {n} and {m} kg/m2",
    "* Able to read and complete the questionnaires",
    "* Estimated glomerular filtration rate above {n} mL/min",
    "* Histologically confirmed diagnosis within the last {n} months",
    "* Performance status of 0 to 2 on the ECOG scale",
    "* Pregnant or breast-feeding women",
    "* Known allergy to any of the compounds under study",
    "* Participation in another trial within the last {n} days",
    "* Major surgery within {n} weeks before the first dose",
    "* Uncontrolled hypertension (systolic pressure \\> {k} mmHg)",
    "* History of alcohol or substance abuse within {n} months",
    "* Any condition that in the investigator's opinion prevents safe participation",
)
ACCENTED_CRITERIA = (
    "* Age ≥ {n} years and ≤ {m} years", "* Hemoglobin ≥ {n} g/dL, platelets ≥ {k} × 10⁹/L",
    "* Body temperature ≤ 37.{n} °C on the day of inclusion", "* Patients who don’t tolerate β-blockers",
)  # fmt: skip
MEASURES = (
    "Change from baseline in pain score", "Overall survival", "Progression-free survival",
    "Time to first event", "Incidence of adverse events", "Area under the plasma concentration curve",
    "Length of hospital stay", "Change in quality of life score", "Rate of readmission",
    "Change in systolic blood pressure", "Proportion of responders", "Maximum plasma concentration",
    "Patient satisfaction", "Bone mineral density",
)  # fmt: skip
TIME_FRAMES = (
    "{n} weeks", "up to {n} months", "baseline, week {n}, week {m}", "from day 1 to day {k}", "24 hours",
)  # fmt: skip
WHY_STOPPED = (
    "Slow accrual", "Lack of funding", "Sponsor decision, no safety concern",
    "Study drug no longer available", "Futility at the planned interim analysis", "Pandemic",
    "No participants enrolled", "Business decision",
)  # fmt: skip
ARM_LABELS = (
    "Treatment", "Control", "Arm A", "Arm B", "Intervention group", "Cohort 1", "Cohort 2", "Placebo",
    "Standard of care", "High dose", "Low dose",
)  # fmt: skip
EVENT_TERMS = (
    "Anaemia", "Nausea", "Headache", "Fatigue", "Diarrhoea", "Pyrexia", "Dizziness", "Rash", "Cough",
    "Back pain", "Neutropenia", "Pneumonia", "Sepsis", "Vomiting", "Hypotension", "Dyspnoea", "Pruritus",
    "Fall", "Arthralgia", "Urinary tract infection", "Atrial fibrillation", "Dehydration", "Constipation",
    "Insomnia", "Oedema peripheral",
)  # fmt: skip
ORGAN_SYSTEMS = (
    "Blood and lymphatic system disorders", "Gastrointestinal disorders", "Nervous system disorders",
    "General disorders", "Infections and infestations", "Cardiac disorders", "Psychiatric disorders",
)  # fmt: skip
BROWSE_TERMS = (
    ("D000001", "Neoplasms"), ("D000002", "Pathologic Processes"), ("D000003", "Signs and Symptoms"),
    ("D000004", "Immune System Diseases"), ("D000005", "Metabolic Diseases"),
    ("D000006", "Mental Disorders"), ("D000007", "Cardiovascular Diseases"), ("D000008", "Infections"),
    ("D000009", "Wounds and Injuries"),
)  # fmt: skip
