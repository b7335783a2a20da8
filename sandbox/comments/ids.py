"""Ids as each platform makes them. Every one is text in the world: numbers of this size do not survive a float."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_INSTAGRAM_EPOCH = datetime(2011, 8, 24, 21, 7, 1, tzinfo=UTC)
_MODULUS = 600_000_000_000_067
_FACTOR = 387_420_489_000_001


def media_id(posted_at: datetime, number: int) -> str:
    """Instagram's number of a post: milliseconds since 2011, 13 bits for where it lies, 10 for its turn."""
    milliseconds = int((posted_at - _INSTAGRAM_EPOCH).total_seconds() * 1000)
    return str(milliseconds << 23 | (number * 2_654_435_761) & 0x7FFFFF)


def short_code(media: str) -> str:
    """The number of a post as Instagram writes it in addresses: base64url without padding or leading zeros."""
    number, code = int(media), ""
    while number:
        number, digit = divmod(number, 64)
        code = BASE64URL[digit] + code
    return code


def rounded(number: str) -> str:
    """A number as JavaScript prints it after it was read as a float64."""
    return f"{int(Decimal(repr(float(number))))}"


def spread(number: int) -> int:
    """Another number for each number below 6e14, which does not tell the order."""
    return (number * _FACTOR + 17) % _MODULUS


def instagram_comment(number: int) -> str:
    """Seventeen or eighteen digits, as Instagram's `pk`."""
    return str(17_841_400_000_000_000 + spread(number))


def tiktok(at: datetime, number: int) -> str:
    """Nineteen digits of a video or comment: seconds since 1970, and 32 bits that tell those of a second apart."""
    return str(int(at.timestamp()) << 32 | (number * 2_654_435_761) & 0xFFFFFFFF)


def youtube_video(number: int) -> str:
    """Eleven characters of base64url."""
    return base64.urlsafe_b64encode((spread(number) * 7_919).to_bytes(8)).decode().rstrip("=")


def youtube_comment(number: int) -> str:
    """A thread's id: 26 characters that begin and end as YouTube's do."""
    digits = base64.urlsafe_b64encode(spread(number).to_bytes(7) + (number % 2**40).to_bytes(5)).decode()
    return f"Ugx{digits}4AaABAg"


def youtube_reply(parent: str, number: int) -> str:
    """A reply's id: its thread's, a dot, and its own."""
    return f"{parent}.{base64.urlsafe_b64encode(spread(number).to_bytes(12)).decode()}"


def reddit(number: int) -> str:
    """A number in base 36, as Reddit's."""
    number, text = spread(number), ""
    while number:
        number, digit = divmod(number, 36)
        text = _BASE36[digit] + text
    return text


def facebook(number: int) -> str:
    """Sixteen digits."""
    return str(1_000_000_000_000_000 + spread(number))
