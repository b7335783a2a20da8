"""The world: posts of five platforms and the comments below them, as they are at any time.

Everything about a post follows from the seed and its number, and everything about its comments from the post: so a
world of millions needs no memory, and any part of it can be made again. Nothing depends on the day but what is asked of
it: a comment has so many likes at a time, which never become fewer, and its author another name from a time on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import exp, log
from typing import Literal

from sandbox.comments import ids, texts, vocabulary
from sandbox.comments.entities import BY_ID, CREDIT, MONITORED, UNMONITORED, Entity
from sandbox.comments.texts import Said
from sandbox.sample.chance import Chance, pick, rng, share

Platform = Literal["instagram", "youtube", "tiktok", "facebook", "reddit"]
Media = Literal["Image", "Sidecar", "Video"]

FIRST_DAY = date(2026, 11, 17)
HISTORY = 28
"""Days before day 0 on which there were posts."""
OPEN = timedelta(days=14)
"""So long after a post its last comment may come."""
_PLATFORMS: tuple[Platform, ...] = (
    "instagram", "youtube", "instagram", "tiktok", "instagram", "facebook", "instagram", "youtube", "reddit", "tiktok",
    "instagram",
)  # fmt: skip
_MEDIA: tuple[Media, ...] = ("Image", "Sidecar", "Video")
_COMMENTS_BITS = 22
_USUAL_COMMENTS = 180
_DAY = timedelta(days=1)
_RENAMED = 0.06
_OWNERS: dict[Platform, str] = {
    "instagram": "lanternweekly",
    "youtube": "Lantern Weekly",
    "tiktok": "lanternweekly",
    "facebook": "lanternweeklytv",
    "reddit": "lantern_mod",
}


@dataclass(frozen=True, slots=True)
class Post:
    """A post, whatever the time.

    Attributes:
        number: of all posts, in order of their days.
        id: the platform's; of Instagram the media id.
        short_code: Instagram's spelling of it in addresses; empty elsewhere.
        subjects: whom it is about, the first one above all.
        comments: how many it will have had in the end.
        likes: how many it will have had in the end.
        edited_at: when its caption became another one, None if never.
        media: Image, Sidecar or Video.
    """

    number: int
    platform: Platform
    id: str
    short_code: str
    url: str
    owner: str
    subject: str
    subjects: tuple[Entity, ...]
    posted_at: datetime
    comments: int
    likes: int
    edited_at: datetime | None
    captions: tuple[str, str]
    media: Media

    def caption(self, at: datetime) -> str:
        return self.captions[self.edited_at is not None and at >= self.edited_at]

    def likes_at(self, at: datetime) -> int:
        return _grown(self.likes, at - self.posted_at)

    def views_at(self, at: datetime) -> int | None:
        return 37 * self.likes_at(at) + 11 if self.media == "Video" else None


@dataclass(slots=True, eq=False)
class Comment:
    """A comment, whatever the time.

    Attributes:
        number: of those below its post, in order of time.
        id: the platform's.
        parent: what it replies to, None for a direct one.
        user: number of its author, whose name may change.
        likes: how many it will have had in the end.
        gone_at: when it vanished, None if never.
        replies: those to it, in order of time.
    """

    number: int
    post: Post
    id: str
    parent: Comment | None
    user: int
    said: Said
    created_at: datetime
    likes: int
    gone_at: datetime | None
    replies: list[Comment] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.said.text

    def there(self, at: datetime) -> bool:
        """Whether it can be seen at a time."""
        return self.created_at <= at and (self.gone_at is None or at < self.gone_at)

    def likes_at(self, at: datetime) -> int:
        return _grown(self.likes, at - self.created_at)

    def replies_at(self, at: datetime) -> int:
        return sum(reply.there(at) for reply in self.replies)


class World:
    """See the module.

    Args:
        size: comments that were written before day 0, about; from 1 on.
        seed: another one is another world.
        first: the date of day 0.

    Raises:
        ValueError: the size is not positive.
    """

    def __init__(self, size: int, seed: int, first: date = FIRST_DAY) -> None:
        if size < 1:
            raise ValueError(f"a world of {size} comments cannot be; it has 1 at least")
        self.size, self.seed, self.first = size, seed, first
        self.posts_a_day = max(2, round(size / HISTORY / _USUAL_COMMENTS))
        self._mean = size / HISTORY / self.posts_a_day
        self._regulars = max(20, size // 200)
        self._events = self._make_events()

    def midnight(self, day: int) -> datetime:
        """When day d is looked at: at midnight of the date of day 0, d days later."""
        return datetime.combine(self.first, time(), UTC) + day * _DAY

    # --- posts

    def count(self, day: int) -> int:
        """How many posts there are at a day."""
        return (HISTORY + day) * self.posts_a_day

    def posts(self, day: int) -> Iterator[Post]:
        """Every post that there is at a day, oldest day first."""
        return (self.post(number) for number in range(self.count(day)))

    def post(self, number: int) -> Post:
        """The post of a number."""
        chance = rng(self.seed, "post", number)
        platform = _PLATFORMS[number % len(_PLATFORMS)]
        day = number // self.posts_a_day - HISTORY
        posted_at = self.midnight(day) + timedelta(seconds=chance.randrange(86_000))
        subjects = self._subjects(chance)
        topic = chance.choice([*vocabulary.TOPICS])
        first, edited = (self._caption(chance, subjects, topic) for _ in range(2))
        edited_at = posted_at + timedelta(hours=chance.randrange(5, 60)) if chance.happens(0.08) else None
        mean = self._mean * exp(chance.gauss(0, 0.9) - 0.405)
        comments = min(round(mean), 2**_COMMENTS_BITS - 1)
        media = chance.choice(_MEDIA) if platform == "instagram" else "Video"
        ident, code, url = _address(platform, posted_at, number)
        return Post(
            number,
            platform,
            ident,
            code,
            url,
            _OWNERS[platform],
            f"{subjects[0].name}: {topic}",
            subjects,
            posted_at,
            comments,
            round(comments * chance.uniform(8, 60)),
            edited_at,
            (first, edited),
            media,
        )

    def _subjects(self, chance: Chance) -> tuple[Entity, ...]:
        if chance.happens(0.04):
            return (chance.choice(UNMONITORED),)
        # The first of the catalogue are in most of the news
        main = MONITORED[int(len(MONITORED) * chance.random() ** 2)]
        if main.members:
            return (main, *(BY_ID[each] for each in main.members))
        other = chance.choice(MONITORED)
        return (main, other) if other is not main and chance.happens(0.4) else (main,)

    @staticmethod
    def _caption(chance: Chance, subjects: tuple[Entity, ...], topic: str) -> str:
        text = texts.caption(chance, subjects, topic)
        return f"{text}\n(📸: {CREDIT})" if chance.happens(0.6) else text

    # --- comments

    def comments(self, post: Post) -> list[Comment]:
        """Every comment that a post will ever have, in order of time."""
        chance = rng(self.seed, "comments", post.number)
        random = chance.random
        found: list[Comment] = []
        top: list[Comment] = []
        base = post.number << _COMMENTS_BITS
        longest = OPEN.total_seconds()

        def friend() -> str:
            return self.username(int(random() * self._regulars), post.posted_at)

        def mood(entity: Entity) -> float:
            return self.mood(entity, created_at)

        for number in range(post.comments):
            late = -80_000 * log(1 - (number + random()) / (post.comments + 1))
            created_at = post.posted_at + timedelta(seconds=int(min(late, longest)))
            parent = top[-1 - int(random() * min(len(top), 30))] if top and chance.happens(0.18) else None
            said = texts.say(chance, post.subjects, mood, friend)
            user = int(random() * self._regulars)
            if chance.happens(0.93):
                user = self._regulars + base + number
            likes = int(random() ** -1.3) if chance.happens(0.25) else 0
            gone_at = created_at - log(1 - random()) * 4 * _DAY if chance.happens(0.03) else None
            if parent is not None and parent.gone_at is not None:
                gone_at = min(gone_at or parent.gone_at, parent.gone_at)
                if gone_at < created_at:
                    parent = None  # nobody replies to what is gone
                    gone_at = None
            ident = _comment_id(post, base + number, created_at, parent)
            comment = Comment(
                number, post, ident, parent, user, said, created_at, min(likes, 50_000), gone_at
            )
            found.append(comment)
            if parent is None:
                top.append(comment)
            else:
                parent.replies.append(comment)
        return found

    # --- people

    def username(self, user: int, at: datetime) -> str:
        """What a user is called at a time; no two are ever called alike."""
        rest, given = divmod(user, len(vocabulary.GIVEN))
        rest, noun = divmod(rest, len(vocabulary.NOUNS))
        name = f"{vocabulary.GIVEN[given]}.{vocabulary.NOUNS[noun]}{rest or ''}"
        return f"the_{name}" if at >= self.renamed_at(user) else name

    def renamed_at(self, user: int) -> datetime:
        """When a user takes another name; for most in another age."""
        at = share(self.seed, "renamed", user)
        if at >= _RENAMED:
            return datetime.max.replace(tzinfo=UTC)
        return self.midnight(int(at / _RENAMED * 72) - HISTORY)

    @staticmethod
    def user_id(user: int) -> str:
        """The platform's number of a user, which never changes."""
        return str(ids.spread(user) + 1_000_000)

    # --- moods

    def mood(self, entity: Entity, at: datetime) -> float:
        """How people feel about an entity at a time, from -1 to 1."""
        usual, begin, change = self._events[entity.id]
        return usual + change if 0 <= (at - begin).total_seconds() < 6 * 86_400 else usual

    def _make_events(self) -> dict[str, tuple[float, datetime, float]]:
        """Of each entity the usual mood, when it changes for six days, and by how much."""
        found = {}
        for entity in BY_ID.values():
            chance = rng(self.seed, "mood", entity.id)
            usual = chance.uniform(-0.4, 0.6)
            found[entity.id] = (usual, self.midnight(pick(60, self.seed, entity.id) - HISTORY), -1.2 * usual)
        # The one of whom most is said falls from grace three days before day 0
        found[MONITORED[0].id] = (0.6, self.midnight(-3), -1.5)
        return found


def _grown(final: int, age: timedelta) -> int:
    """A count that was 0 at first and comes to `final` in days; never fewer later."""
    seconds = age.total_seconds()
    if seconds <= 0 or not final:
        return 0
    return min(final, int((final + 1) * (1 - exp(-seconds / 60_000))))


def _address(platform: Platform, posted_at: datetime, number: int) -> tuple[str, str, str]:
    """Id, short code and address of a post."""
    match platform:
        case "instagram":
            ident = ids.media_id(posted_at, number)
            code = ids.short_code(ident)
            return ident, code, f"https://www.instagram.com/p/{code}/"
        case "youtube":
            ident = ids.youtube_video(number)
            return ident, "", f"https://www.youtube.com/watch?v={ident}"
        case "tiktok":
            ident = ids.tiktok(posted_at, number)
            return ident, "", f"https://www.tiktok.com/@lanternweekly/video/{ident}"
        case "facebook":
            ident = ids.facebook(number)
            return ident, "", f"https://www.facebook.com/lanternweeklytv/posts/{ident}/"
        case "reddit":
            ident = ids.reddit(number)
            return ident, "", f"https://www.reddit.com/r/lanternweekly/comments/{ident}/"


def _comment_id(post: Post, number: int, created_at: datetime, parent: Comment | None) -> str:
    match post.platform:
        case "instagram":
            return ids.instagram_comment(number)
        case "youtube":
            return ids.youtube_reply(parent.id, number) if parent else ids.youtube_comment(number)
        case "tiktok":
            return ids.tiktok(created_at, number)
        case "facebook":
            return f"{post.id}_{ids.facebook(number)}"
        case "reddit":
            return ids.reddit(number)
