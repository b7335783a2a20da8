"""Private persons: an author is kept as a keyed hash of the name, and so is who is mentioned in a text.

HMAC-SHA256 under the key of the deployment, cut to 20 hex digits, over platform and handle; a handle is compared
without its case, its @ and its width (Unicode NFKC), so that @Jo.Doe and jo.doe are one person. Without the key a
hash leads to nobody; with another key the same person has another hash, so each row says under which key it was made.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Collection
from functools import lru_cache

from include.sources.comments.letters import LETTER
from include.sources.comments.values import NOTHING, YOUTUBE

HASH_DIGITS = 20
KEY_DIGITS = 8
_BLOCK = 64
"""Bytes that SHA-256 takes at once."""
_WIDE = "\uff20"
"""The @ of East Asian keyboards."""
MENTION_SIGNS = f"@{_WIDE}"
# The sign first, which is quick to search for, and then what may not stand before it.
_MENTION = re.compile(
    rf"[{MENTION_SIGNS}](?<!{LETTER}[{MENTION_SIGNS}])[{MENTION_SIGNS}]*(\w+(?:[.·\-]+\w+)*)"
)
_LATIN = re.compile(rf"{LETTER}+(?:[.·\-]+{LETTER}+)*")
_FINGERPRINT = b"lastgood: the name of this key"


class _Keyed:
    """HMAC-SHA256 of what begins with `prefix`, prepared: a message costs less than half of what hmac.digest takes."""

    def __init__(self, key: bytes, prefix: bytes) -> None:
        whole = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(each ^ 0x36 for each in whole) + prefix)
        self._outer = hashlib.sha256(bytes(each ^ 0x5C for each in whole))

    def __call__(self, rest: bytes) -> str:
        """In hex digits."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(rest)
        outer.update(inner.digest())
        return outer.hexdigest()


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
        self._key = key
        self._public = frozenset(public)
        self._keyed: dict[str, _Keyed] = {}
        self._hidden: Callable[[str, str], str] = lru_cache(maxsize=1 << 16)(self._in_place_of)

    def author(self, platform: str, handle: str) -> str | None:
        """The hash of an author by platform and handle; None where there is no name."""
        bare = normalized(handle)
        if bare in NOTHING:
            return None
        keyed = self._keyed.get(platform)
        if keyed is None:
            keyed = self._keyed[platform] = _Keyed(self._key, f"{platform}:".encode())
        return keyed(bare.encode("utf-8", "replace"))[:HASH_DIGITS]

    def hide_mentions(self, platform: str, text: str) -> str:
        """The text with the hash in place of every mentioned handle but those of monitored persons."""
        if "@" not in text and _WIDE not in text:
            return text
        return _MENTION.sub(lambda match: self._hidden(platform, match[0]), text)

    def _in_place_of(self, platform: str, mention: str) -> str:
        written, rest = mention.lstrip(MENTION_SIGNS), ""
        if normalized(written) not in self._public and (latin := _LATIN.match(written)):
            # A sentence that needs no blanks may go on behind it; YouTube alone has handles in such letters.
            before = latin[0]
            if platform != YOUTUBE or normalized(before) in self._public:
                written, rest = before, written[len(before) :]
        handle = normalized(written)
        return mention if handle in self._public else f"@{self.author(platform, handle)}{rest}"
