# ruff: noqa: RUF001  (look-alike characters are what some names are for)
"""Words that the sample's world is named with. Countries are real; towns, clubs and people are invented."""

from typing import NamedTuple


class Tongue(NamedTuple):
    """Parts of names that sound alike: people of given and family name, towns, and clubs of a town."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    family_ends: tuple[str, ...]
    towns: tuple[str, ...]
    town_ends: tuple[str, ...]
    clubs: tuple[str, ...]
    grounds: tuple[str, ...]


ENGLISH = Tongue(
    ("Adam", "Ben", "Callum", "Dean", "Elliot", "Finn", "George", "Harvey", "Ian", "Jude", "Kyle", "Lewis"),
    ("Ark", "Brock", "Cald", "Dun", "Ells", "Farn", "Gold", "Hart", "Ing", "Kers", "Lang", "O'Darr", "Thorn", "Wick"),
    ("aby", "dale", "erby", "field", "ington", "ley", "more", "sett", "stone", "wright", "yard"),
    ("Abber", "Brack", "Cold", "Dray", "Elm", "Fen", "Grim", "Hazel", "Kell", "Mar", "North", "Ow", "Quill", "Thist"),
    ("borough", "bridge", "combe", "den", "ford gate", "ham Regis", "holme", "mere", "stead", "thorpe", "wick"),
    ("{} United", "{} Town", "{} Rovers", "AFC {}", "{} Athletic", "{} Albion"),
    ("{} Road", "{} Lane Park", "The {} Bowl"),
)  # fmt: skip
IBERIAN = Tongue(
    ("Álvaro", "Bruno", "César", "Diogo", "Enrique", "Fábio", "Gonçalo", "Hugo", "Íñigo", "João", "Lucas", "Mateo"),
    ("Alb", "Barr", "Cast", "Dom", "Esc", "Ferr", "Gall", "Lorenz", "Mor", "Núñ", "Quint", "Rib", "Sald", "Vild"),
    ("aceda", "agues", "ardo", "astro", "eiral", "elho", "endes", "ibar", "ontes", "oza", "ueira"),
    ("Alca", "Bel", "Campo", "Douro", "Esto", "Font", "Guad", "Lagu", "Mira", "Oliv", "Penha", "Ria", "Serra", "Vall"),
    ("bela", "cedo", "dela", "fría", "gosa", "landa", "manca del Río", "nova", "queira", "ranza", "tosa", "zuela"),
    ("CD {}", "Real {}", "{} CF", "SC {}", "Deportivo {}", "Atlético {}"),
    ("Estadio de {}", "Campo Municipal de {}", "Arena {}"),
)  # fmt: skip
ITALIAN = Tongue(
    ("Alessio", "Bruno", "Carlo", "Dario", "Emilio", "Fabrizio", "Gianni", "Ivano", "Luca", "Matteo", "Nico", "Piero"),
    ("Ambr", "Bort", "Cald", "Del Fr", "Ferr", "Gamb", "Lomb", "Marz", "Nard", "Pell", "Ross", "Sant", "Tolv", "Zan"),
    ("acini", "aldi", "anelli", "aroli", "atto", "ecchi", "erini", "etta", "ignoli", "olani", "uzzo"),
    ("Acqua", "Bor", "Castel", "Fonte", "Gra", "Lume", "Monte", "Nova", "Orto", "Pietra", "Rocca", "Sasso", "Torre"),
    ("bella", "carso", "dora", "fermo", "ghera", "lara", "mura", "nigo", "ronda", "sana", "vento", "zolo"),
    ("US {}", "{} Calcio", "AC {}", "{} 1909", "Virtus {}"),
    ("Stadio Comunale di {}", "Stadio {}"),
)  # fmt: skip
GERMANIC = Tongue(
    ("Anton", "Björn", "Cedric", "Dennis", "Emil", "Florian", "Gerrit", "Henrik", "Jannik", "Lars", "Mats", "Nik"),
    ("Ahl", "Bruck", "Dorn", "Eich", "Falk", "Grün", "Hoh", "Kess", "Lind", "Möhr", "Ohl", "Reiff", "Van Steen"),
    ("bacher", "berg", "dorff", "egger", "en", "hauser", "inga", "mann", "ström", "vold", "weger"),
    ("Alt", "Birken", "Eber", "Fichten", "Gold", "Hirsch", "Kirch", "Lauter", "Mühl", "Nieder", "Ost", "Stein"),
    ("bruck", "dorn", "feld am See", "grund", "hagen", "kamp", "löh", "moor", "rode", "stetten", "tal", "wyk"),
    ("FC {}", "SV {}", "{} 04", "TSV {}", "VfB {}", "{} IF"),
    ("Stadion am {}er Tor", "{}er Kampfbahn", "{} Park"),
)  # fmt: skip
FRENCH = Tongue(
    ("Adrien", "Bastien", "Cédric", "Damien", "Étienne", "Florent", "Gaël", "Hervé", "Jules", "Loïc", "N'Dari", "Théo"),
    ("Aub", "Bel", "Cham", "Dur", "Fon", "Gar", "Le Ch", "Mor", "Nav", "Oud", "Per", "Rous", "Sar", "Vau"),
    ("adier", "ancourt", "arel", "audin", "eroux", "eval", "illac", "onnet", "ouard", "oumé", "ulier"),
    ("Aube", "Bois", "Clair", "Font", "Grand", "Haute", "Long", "Mont", "Neuf", "Pont", "Roche", "Val", "Vieux"),
    ("bray", "cour", "fleury", "gnac", "lieu", "mare", "noir", "oise", "rive", "sart", "vigne", "vault-les-Eaux"),
    ("Olympique {}", "Stade {}", "AS {}", "RC {}", "{} SC"),
    ("Stade de {}", "Parc de {}"),
)  # fmt: skip
EASTERN = Tongue(
    ("Aleksandr", "Bogdan", "Çağrı", "Dušan", "Emre", "Filip", "Goran", "Ivo", "Jakub", "Kamil", "Luka", "Miloš"),
    ("Ar", "Bal", "Čer", "Dem", "Er", "Hor", "Jov", "Kal", "Lev", "Mir", "Nov", "Öz", "Şen", "Vuk"),
    ("akçı", "anov", "bašić", "čák", "demir", "enko", "iński", "ković", "lar", "oğlu", "rayan"),
    ("Ak", "Bela", "Črna", "Dol", "Gora", "Kara", "Lipa", "Nova", "Orlo", "Sara", "Stara", "Viso", "Zlata"),
    ("bor", "çay", "grad", "hisar", "kent", "mir", "nica", "ovo Polje", "pınar", "slav", "vac", "žin"),
    ("{} SK", "FK {}", "Dinamo {}", "{}spor", "NK {}"),
    ("{} Stadium", "City Stadium {}", "{} Arena"),
)  # fmt: skip


class Nation(NamedTuple):
    """A country with clubs and a national team."""

    name: str
    alpha2: str
    alpha3: str
    continent: str
    tongue: Tongue


_LISTED = {
    "Europe": (
        ("England", "EN", "ENG", ENGLISH), ("Spain", "ES", "ESP", IBERIAN), ("Italy", "IT", "ITA", ITALIAN),
        ("Germany", "DE", "DEU", GERMANIC), ("France", "FR", "FRA", FRENCH), ("Portugal", "PT", "PRT", IBERIAN),
        ("Netherlands", "NL", "NLD", GERMANIC), ("Belgium", "BE", "BEL", FRENCH), ("Turkey", "TR", "TUR", EASTERN),
        ("Scotland", "SX", "SCO", ENGLISH), ("Austria", "AT", "AUT", GERMANIC),
        ("Switzerland", "CH", "CHE", GERMANIC), ("Denmark", "DK", "DNK", GERMANIC),
        ("Sweden", "SE", "SWE", GERMANIC), ("Norway", "NO", "NOR", GERMANIC), ("Poland", "PL", "POL", EASTERN),
        ("Czech Republic", "CZ", "CZE", EASTERN), ("Croatia", "HR", "HRV", EASTERN),
        ("Serbia", "RS", "SRB", EASTERN), ("Greece", "GR", "GRC", EASTERN), ("Ukraine", "UA", "UKR", EASTERN),
        ("Romania", "RO", "ROU", EASTERN), ("Hungary", "HU", "HUN", EASTERN), ("Ireland", "IE", "IRL", ENGLISH),
        ("Wales", "WA", "WAL", ENGLISH), ("Bulgaria", "BG", "BGR", EASTERN), ("Russia", "RU", "RUS", EASTERN),
        ("Cyprus", "CY", "CYP", EASTERN), ("Israel", "IL", "ISR", EASTERN), ("Finland", "FI", "FIN", GERMANIC),
        ("Slovakia", "SK", "SVK", EASTERN), ("Slovenia", "SI", "SVN", EASTERN),
    ),
    "South America": (
        ("Brazil", "BR", "BRA", IBERIAN), ("Argentina", "AR", "ARG", IBERIAN), ("Uruguay", "UY", "URY", IBERIAN),
        ("Colombia", "CO", "COL", IBERIAN), ("Chile", "CL", "CHL", IBERIAN), ("Peru", "PE", "PER", IBERIAN),
        ("Ecuador", "EC", "ECU", IBERIAN), ("Paraguay", "PY", "PRY", IBERIAN),
    ),
    "North & Central America": (
        ("USA", "US", "USA", ENGLISH), ("Mexico", "MX", "MEX", IBERIAN), ("Canada", "CA", "CAN", ENGLISH),
        ("Costa Rica", "CR", "CRI", IBERIAN), ("Jamaica", "JM", "JAM", ENGLISH), ("Panama", "PA", "PAN", IBERIAN),
    ),
    "Africa": (
        ("Morocco", "MA", "MAR", FRENCH), ("Senegal", "SN", "SEN", FRENCH), ("Egypt", "EG", "EGY", FRENCH),
        ("Nigeria", "NG", "NGA", ENGLISH), ("Algeria", "DZ", "DZA", FRENCH), ("Tunisia", "TN", "TUN", FRENCH),
        ("Ghana", "GH", "GHA", ENGLISH), ("South Africa", "ZA", "ZAF", ENGLISH),
    ),
    "Asia": (
        ("Saudi Arabia", "SA", "SAU", FRENCH), ("Japan", "JP", "JPN", ENGLISH),
        ("South Korea", "KR", "KOR", ENGLISH), ("Australia", "AU", "AUS", ENGLISH), ("Iran", "IR", "IRN", EASTERN),
        ("Qatar", "QA", "QAT", FRENCH), ("China", "CN", "CHN", ENGLISH),
        ("United Arab Emirates", "AE", "ARE", FRENCH),
    ),
}  # fmt: skip
NATIONS = tuple(
    Nation(name, alpha2, alpha3, continent, tongue)
    for continent, nations in _LISTED.items()
    for name, alpha2, alpha3, tongue in nations
)
CALENDAR_YEAR = frozenset(
    {"Brazil", "Argentina", "USA", "Norway", "Sweden", "Finland", "Japan", "China", "South Korea", "Chile",
     "Colombia", "Peru", "Ecuador", "Uruguay", "Paraguay", "Ireland"}
)  # fmt: skip
"""Countries whose seasons are those of a calendar year."""

HOSTILE_NAMES = (
    "<script>alert('goal')</script>",
    '=HYPERLINK("http://127.0.0.1","player")',
    "Robert'); DROP TABLE players; --",
    'Zé "Pé de\u00a0Vento" \\',
    "\u202eonafetS\u202c Ωλυμπ",
    "Ⅳan 高橋 🧤",
    "Nul\x00l",
    "{{7*7}} ${jndi:ldap://127.0.0.1/a} %s",
)
"""Names that a careless reader takes for markup, a formula, a command or an end; a few players have one."""

FORMATIONS = ("4-3-3", "4-2-3-1", "4-4-2", "3-5-2", "3-4-3", "5-3-2", "4-1-4-1", "5-4-1")
INJURIES = (
    "Hamstring injury",
    "Knee injury",
    "Ankle injury",
    "Illness",
    "Muscle injury",
    "Red card",
    "Yellow cards",
)
CARD_REASONS = (
    "Foul",
    "Foul",
    "Argument",
    "Time wasting",
    "Handball",
    "Professional foul last man",
    "Simulation",
)
VAR_DECISIONS = (
    "goalAwarded", "goalNotAwarded", "penaltyAwarded", "penaltyNotAwarded", "cardUpgrade", "redCardGiven",
    "mistakenIdentity", "review",
)  # fmt: skip
SITUATIONS = ("assisted", "regular", "corner", "set-piece", "fast-break", "throw-in-set-piece", "free-kick")
BODY_PARTS = ("right-foot", "right-foot", "right-foot", "left-foot", "left-foot", "head", "other")
MOUTH = {
    "goal": ("low-left", "low-right", "low-centre", "high-left", "high-right", "high-centre"),
    "save": ("low-left", "low-right", "low-centre", "high-centre"),
    "miss": ("left", "right", "high", "high-left", "high-right", "close-left", "close-right"),
    "post": ("left", "right", "high"),
    "block": ("low-centre", "left", "right"),
}
"""Where a shot of each type goes."""
