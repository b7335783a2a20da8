"""What people say, all of it made up for this sample.

In a phrase {e} is where an entity is named, {they} and {their} are its pronouns, and {is} and {s} the verb's form.
"""

POSITIVE = (
    "{e} is absolutely stunning",
    "I love {e} so much",
    "{e} looks gorgeous here",
    "so happy for {e}, nobody deserves it more",
    "{e} never disappoints, what a performance",
    "best thing I have seen all year, thank you {e}",
    "{e} is such a talented and kind soul",
    "obsessed with {e}",
    "can't wait to see more of {e}, this is amazing",
    "{e} made my whole week better",
    "this is why {e} is my favourite",
    "{e} ate and left no crumbs",
    "{e} is glowing, congratulations",
    "proud of {e}, what a beautiful moment",
    "nobody does it like {e}, pure class",
    "{e} deserves every award there is",
    "{e}'s voice gives me chills, so beautiful",
    "{e}'s new song is amazing",
    "what a wonderful interview, {e} is so funny",
    "I cried happy tears, {e} is the best",
)
NEGATIVE = (
    "{e} is so overrated",
    "I can't stand {e} anymore",
    "{e} looks awful and sounds worse",
    "this is embarrassing for {e}",
    "so tired of hearing about {e}",
    "{e} should be ashamed, what a horrible thing to say",
    "worst decision ever, shame on {e}",
    "{e} lied to all of us and it is disgusting",
    "I used to like {e}, now I am just disappointed",
    "{e} is a terrible actor and a worse person",
    "boring, fake and annoying, that is {e}",
    "unfollowing because of {e}, this is gross",
    "{e} ruined it, I hate this",
    "nobody asked for more of {e}, please stop",
    "what a mess, {e} is the problem",
    "{e}'s excuse is pathetic",
    "{e}'s hair is a disaster",
    "poor choice, {e} looks miserable",
)
NEUTRAL = (
    "where was {e} yesterday",
    "is {e} filming in Lisbon this month",
    "{e} was at the airport at nine",
    "how old is {e}",
    "what is {e} wearing here",
    "did {e} move to the coast",
    "{e} has two brothers I think",
    "when does {e} start again",
    "{e}, part two, episode six",
    "{e}'s sister is on the left",
    "who is next to {e} in the second picture",
    "is this the same place where {e} was in March",
)
PRONOUN_POSITIVE = (
    "{they} look{s} amazing",
    "love {their} voice",
    "{they} {is} the sweetest, I adore this",
    "wow, {their} best look yet",
    "{they} deserve{s} all the happiness",
)
PRONOUN_NEGATIVE = (
    "{they} need{s} to stop, this is sad",
    "{their} attitude is terrible",
    "I don't trust a word {they} say{s}, so fake",
    "{they} look{s} angry and bitter",
)
PRONOUN_NEUTRAL = (
    "where {is} {they} going",
    "is that {their} sister",
    "what did {they} say at the end",
)
GENERIC_POSITIVE = (
    "beautiful",
    "this is everything",
    "wow just wow, so good",
    "congratulations to both of you",
    "I needed this today, thank you",
    "yes yes yes",
    "so cute I can't",
    "goosebumps, what a great song",
)
GENERIC_NEGATIVE = (
    "this is so sad",
    "nope, horrible",
    "what a disgrace",
    "stop posting this garbage",
    "I hate everything about this",
    "cringe",
)
GENERIC_NEUTRAL = (
    "who is this",
    "what time does it start",
    "first",
    "part 2 where",
    "link please",
    "anyone else here from the podcast",
    "the video is from last Tuesday",
)
COMPARED = (
    "{e} is so much better than {e2}",
    "I love {e} but {e2} is awful",
    "give me {e} any day, {e2} bores me to tears",
)
"""The first one is praised, the second one is not."""
TRAPS = (
    "the benefit concert is on Friday",
    "no benefits for the crew, as always",
    "my uncle is on the bench again",
    "mark my words",
    "will you watch it tonight",
    "a rose by any other name",
    "summer is over",
    "the chase scene took three weeks to film",
    "give me a second",
    "my kitten sat through the whole thing",
    "marathon at my place on Sunday",
    "the orchard behind our house",
    "bring your sewing kit",
    "prose and poetry night",
)
"""Sentences that have an entity's letters in them, and mean none."""
JUNK = (
    "check my page for free followers",
    "I made $5,000 in a week with Mr Cashwell, DM him now",
    "follow for follow",
    "click the link in my bio http://win-a-phone.example/now",
    "PROMO on WhatsApp +00 000 0000",
    '=HYPERLINK("http://prize.example?x="&A1,"click")',
    "<script>alert('first')</script> <b>wow</b> &amp; more",
    "asdfghjkl",
    "........",
    "1",
)
TO_A_FRIEND = (
    "{at} look at this",
    "{at} us",
    "{at} {at2} we have to go",
    "told you so {at}",
    "{at} is this the one you meant?",
)
OTHER_LANGUAGES = {
    "es": (
        "qué hermosa se ve {e}, la amo con todo mi corazón",
        "me encanta {e}, es lo mejor que he visto este año",
        "qué vergüenza lo que hizo {e}, no lo puedo creer",
        "¿cuándo empieza la nueva temporada?",
    ),
    "fr": (
        "{e} est vraiment magnifique, quelle belle robe",
        "je n'aime pas du tout ce qu'il a dit, c'est honteux",
        "c'est quand le prochain épisode s'il vous plaît ?",
    ),
    "de": (
        "{e} sieht heute wunderschön aus, ich freue mich so",
        "das ist wirklich die schlechteste Folge, die ich je gesehen habe",
        "wann läuft das endlich bei uns im Fernsehen?",
    ),
    "pt": (
        "{e} é maravilhosa demais, que orgulho dessa mulher",
        "não acredito que fizeram isso, que tristeza",
        "quando é que vem para o Brasil?",
    ),
    "it": (
        "{e} è bellissima, non vedo l'ora di rivederla",
        "che delusione questa puntata, non mi è piaciuta per niente",
    ),
    "ru": ("{e} выглядит просто потрясающе, обожаю", "какой ужас, это очень грустно"),
    "ar": ("{e} رائعة جدا، أحبها من كل قلبي", "هذا محزن للغاية"),
    "ja": ("{e}は本当に素敵です、大好き", "とても悲しいニュースですね"),
    "ko": ("{e} 정말 예쁘다 최고예요", "너무 슬픈 소식이네요"),
    "hi": ("{e} बहुत सुंदर लग रही है", "यह बहुत दुखद है"),
}
SLANG = ("fr fr", "no cap", "tbh", "ngl", "lol", "imo", "slay", "periodt", "iykyk", "lowkey", "omg")
EMOJI_POSITIVE = ("❤️", "❤️❤️❤️", "🔥", "🔥🔥", "😍", "😍😍", "👏", "👏🏽👏🏽", "🥰", "💙", "🙌", "😂❤️", "👑")
EMOJI_NEGATIVE = ("🤮", "🤮🤮", "😡", "👎", "🙄", "💔", "😢", "🤡")
EMOJI_NEUTRAL = ("👀", "🤔", "🍿", "⁉️", "👩‍👩‍👧‍👦", "🇵🇹", "📺")
LONG = (
    'I read the whole interview, twice, and this is what stays with me: "nobody asked us".',
    "First of all, the lights were wrong; second, the sound was worse, and third, who chose that dress?",
    "My mother watched this with me,\nshe never watches anything,\nand she stayed until the end.",
    "People forget that it takes a year to make one hour of this, and that every one of them is paid by the day.",
    "Edit: I was wrong about the date, sorry.",
    "It reminds me of the old theatre in our town, where you could hear the rain on the roof.",
    "So here is my list:\n1. the bridge\n2. the letter\n3. that last look",
    'Say what you want, but "almost" is not a reason; it never was.',
)
TOPICS = {
    "wedding": "the wedding on the island",
    "lawsuit": "the lawsuit against the studio",
    "trailer": "the first trailer",
    "farewell": "the farewell tour",
    "feud": "the feud on set",
    "award": "the Golden Lantern award",
}
"""What posts tell, by a word for it."""
HEADLINES = (
    "{e} opens up about {topic}",
    "{e} and {e2} are all smiles at {topic}",
    "Everything we know about {topic}: {e} speaks",
    "{e} says {topic} changed everything",
    "A closer look at {e} and {topic}",
)
QUOTES = (
    '"I never thought I would say this, but here we are," {they} told Lantern Weekly.',
    '"People see an hour of it, and think they know us."',
    '"It was, honestly, the best [and worst] year of my life."',
    "Asked whether it was worth it, {they} only smiled: 'Ask me in ten years, then again in twenty.'",
)
GIVEN = (
    "amber", "blue", "cedar", "dusty", "early", "foggy", "golden", "happy", "icy", "jolly", "kind", "lucky", "misty",
    "noble", "olive", "pale", "quiet", "rusty", "silver", "tiny", "urban", "velvet", "wild", "yellow", "zesty",
)  # fmt: skip
NOUNS = (
    "anchor", "badger", "canyon", "dahlia", "ember", "falcon", "garden", "harbor", "island", "jasper", "kettle",
    "lagoon", "meadow", "nectar", "otter", "pebble", "quartz", "river", "saddle", "teapot", "umbra", "violet",
    "willow", "yarrow",
)  # fmt: skip
