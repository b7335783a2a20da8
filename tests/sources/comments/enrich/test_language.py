"""Languages of short texts."""

from __future__ import annotations

import pytest

from include.sources.comments.enrich.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I love this so much", "en"),
        ("She’s beautiful", "en"),
        ("Love her!!!", "en"),
        ("no me gusta nada esta mujer", "es"),
        ("Me encanta esta serie, es la mejor de todas", "es"),
        ("Je l'adore, elle est magnifique dans ce rôle", "fr"),
        ("Ich finde diese Serie wirklich langweilig", "de"),
        ("Eu amo essa mulher, ela é maravilhosa demais", "pt"),
        ("Какая красивая женщина", "ru"),
        ("この番組が大好きです", "ja"),
        ("هذه المرأة جميلة جدا", "ar"),
        ("Mira", "und"),
        ("xyz", "und"),
        ("🔥🔥🔥", None),
        ("", None),
        ("12/10 !!!", None),
        ("@u_1f2e3d4c5b ❤️", None),
        ("https://example.com/me-encanta-esta-serie", None),
        ("#meencantaestaserie", None),
        ("@mi_reina_hermosa this is so good", "en"),
    ],
)
def test_the_language_is_told_by_the_words_alone(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_text_of_ten_megabytes_is_told_by_its_beginning() -> None:
    assert language_of("I love this so much " * 500_000) == "en"
