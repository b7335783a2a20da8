"""Private persons: an author is kept as a keyed hash of the name, and so is who is mentioned in a text.

HMAC-SHA256 under the key of the deployment, cut to 20 hex digits, over platform and handle; a handle is compared
without its case, its @ and its width (Unicode NFKC), so that @Jo.Doe and jo.doe are one person. Without the key a
hash leads to nobody; with another key the same person has another hash, so each row says under which key it was made.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection
from functools import lru_cache

from include.sources.comments.letters import LETTER
from include.sources.comments.values import NOTHING, YOUTUBE

HASH_DIGITS = 20
KEY_DIGITS = 8
_WIDE = "\uff20"
"""The @ of East Asian keyboards."""
_MENTION = re.compile(rf"(?<!{LETTER})[@{_WIDE}]+(\w+(?:[.·\-]+\w+)*)")
_LATIN = re.compile(rf"{LETTER}+(?:[.·\-]+{LETTER}+)*")
_FINGERPRINT = b"lastgood: the name of this key"


def fingerprint(key: bytes) -> str:
    """The name of a key: it tells two keys apart and nothing else."""
    return hmac.digest(key, _FINGERPRINT, "sha256").hex()[:KEY_DIGITS]


def normalized(handle: str) -> str:
    """A handle as it is compared; empty where nothing is left."""
    return unicodedata.normalize("NFKC", handle).strip().lstrip("@").casefold().strip()


class People:
    """Hashes of handles under one key. `public` are normalised handles of monitored persons, which stay in texts."""

    def __init__(self, key: bytes, public: Collection[str] = ()) -> None:
        self.key_name = fingerprint(key)
        self._public = frozenset(public)

        @lru_cache(maxsize=1 << 16)
        def of(platform: str, handle: str) -> str | None:
            bare = normalized(handle)
            if bare in NOTHING:
                return None
            said = f"{platform}:{bare}".encode("utf-8", "replace")
            return hmac.digest(key, said, "sha256").hex()[:HASH_DIGITS]

        self.author: Callable[[str, str], str | None] = of
        """The hash of an author by platform and handle; None where there is no name."""

    def hide_mentions(self, platform: str, text: str) -> str:
        """The text with the hash in place of every mentioned handle but those of monitored persons."""
        if "@" not in text and _WIDE not in text:
            return text

        def hidden(match: re.Match[str]) -> str:
            written, rest = match[1], ""
            if normalized(written) not in self._public and (latin := _LATIN.match(written)):
                # A sentence that needs no blanks may go on behind it; YouTube alone has handles in such letters.
                before = latin[0]
                if platform != YOUTUBE or normalized(before) in self._public:
                    written, rest = before, written[len(before) :]
            handle = normalized(written)
            if handle in self._public:
                return match[0]
            return f"@{self.author(platform, handle)}{rest}"

        return _MENTION.sub(hidden, text)
