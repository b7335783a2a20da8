# ruff: noqa: RUF001  (look-alike characters are what the sample is for)
"""Words that the sample's compounds and trials are written with: common knowledge or invented."""

KNOWN_CIDS: dict[str, tuple[int, ...]] = {
    "Aspirin": (2244,),
    "Metformin": (4091, 14219),
    "Ibuprofen": (3672, 39912),
    "Acetaminophen": (1983,),
    "Dexamethasone": (5743,),
    "Prednisone": (5865,),
    "Cisplatin": (5460033, 441203, 2767),
    "Carboplatin": (426756, 10339178),
    "Paclitaxel": (36314,),
    "Docetaxel": (148124,),
    "Cyclophosphamide": (2907, 22420),
    "Doxorubicin": (31703, 443939),
    "Methotrexate": (126941,),
    "Bupivacaine": (2474, 64737),
    "Lidocaine": (3676,),
    "Ketamine": (3821, 15851),
    "Propofol": (4943,),
    "Atorvastatin": (60823, 60822),
    "Rosuvastatin": (446157,),
    "Losartan": (3961, 11751549),
    "Amlodipine": (2162, 60496),
    "Warfarin": (54678486,),
    "Heparin": (772, 22833565),
    "Omeprazole": (4594, 9568614),
    "Azithromycin": (447043,),
    "Amoxicillin": (33613,),
    "Vancomycin": (14969,),
    "Fluconazole": (3365,),
    "Ribavirin": (37542,),
    "Tenofovir": (464205,),
    "Sildenafil": (135398744, 135413523),
    "Letrozole": (3902,),
    "Tamoxifen": (2733526, 2733525),
    "Oxytocin": (439302,),
    "Misoprostol": (5282381,),
    "Gabapentin": (3446,),
    "Morphine": (5288826, 5464280),
    "Fentanyl": (3345,),
    "Vitamin D": (5280793, 5280795),
}
"""Widely known drugs of sandbox.ctgov, and the short list of CIDs that PubChem has curated for the name.

The first is the drug itself, the others its salts or stereoisomers. The numbers are the real ones, so that the
links of a demonstration lead to the right page; structures and trials are invented.
"""

AMBIGUOUS = ("Cisplatin", "Carboplatin", "Heparin", "Ketamine", "Vitamin D")
"""Known drugs whose name stands for their whole list; the others' names stand for the first alone."""

SALTS = ("hydrochloride", "sodium", "mesylate", "monohydrate", "calcium")

PHASES = {
    ("EARLY_PHASE1",): "Early Phase 1",
    ("PHASE1",): "Phase 1",
    ("PHASE1", "PHASE2"): "Phase 1/Phase 2",
    ("PHASE2",): "Phase 2",
    ("PHASE2", "PHASE3"): "Phase 2/Phase 3",
    ("PHASE3",): "Phase 3",
    ("PHASE4",): "Phase 4",
    ("NA",): "N/A",
    (): "",
}
"""How PubChem writes the phases of ClinicalTrials.gov."""

STATUSES = {
    "clinicaltrials": (
        "Not yet recruiting", "Recruiting", "Active, not recruiting", "Completed", "Terminated", "Withdrawn",
        "Unknown status", "Approved for marketing",
    ),
    "clinicaltrials_eu": ("Ongoing", "Completed", "Prematurely Ended", "Temporarily Halted", "Restarted"),
    "clinicaltrials_jp": ("Pending", "Recruiting", "Completed", "Suspended"),
}  # fmt: skip
IRREGULAR_STATUSES = {
    "ACTIVE_NOT_RECRUITING": "Active, not recruiting",
    "UNKNOWN": "Unknown status",
}
"""Statuses of ClinicalTrials.gov that PubChem does not write like "NOT_YET_RECRUITING": "Not yet recruiting"."""

TITLE_FORMS = (
    "A Study of {drug} in {condition}", "{drug} for {condition}", "{drug} Versus Standard of Care in {condition}",
    "Safety and Efficacy of {drug} in Patients With {condition}", "{condition} Treated With {drug}",
    "Open-label Extension of {drug} in {condition}", "Pharmacokinetics of {drug} in Healthy Volunteers",
)  # fmt: skip

HOSTILE = (
    "<script>alert('trial')</script>",
    "<img src=x onerror=alert(1)>",
    "<b>Phase</b> &amp; <i>dose</i> &lt;finding&gt;",
    '"quoted" and \'quoted\' \\"',
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://127.0.0.1","open")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-2+3",
    "\x00null\x00",
    "bell\x07 escape\x1b[31m vertical\x0b delete\x7f",
    "tab\tline\nreturn\r\nseparator\u2028",
    "Ωmega β-blocker – µg ≥ 5 °C, naïve, 高血圧症, Гипертензия, 🧪",
    "right-to-left \u202egnitirw\u202c zero\u200bwidth \ufeffmark",
    "'; DROP TABLE trials; --",
    "{{7*7}} ${jndi:ldap://127.0.0.1/a} %s %00",
    "a|b||c",
    "[link](javascript:alert(1))",
)
"""Text that a careless reader takes for markup, a formula, a command or an end; some titles begin with it."""

HOSTILE_LINKS = (
    "javascript:alert(1)",
    "http://clinicaltrials.gov/ct2/show/{id}",
    "https://clinicaltrials.gov/ct2/show/{id}\"><script>alert(1)</script>",
    "data:text/html,<script>alert(1)</script>",
    "",
)  # fmt: skip
HOSTILE_NAMES = (
    "<i>N</i>-(2-<script>alert(2)</script>yl)acetamide", '=HYPERLINK("http://127.0.0.1","aspirin")',
    "α-Tocopherol “natural” µ-crystalline", "+1-Camphor|calc", "sodium\x00chloride\x07",
)  # fmt: skip
"""Titles of a few compounds."""
