"""Precision and recall on our own labelled names; docs/name_resolution.md holds the figures."""

from include.sources.pubchem import lookup
from tests.sources.pubchem.labelled import PRECISION, ROLES, documented, own, scores

LABELS = list(own())


def test_own_labelled_names_have_the_documented_precision_and_recall() -> None:
    substances, roles = scores(LABELS)
    documented(substances.line("our own"))
    documented(roles.line("our own: placebos and controls"))
    assert substances.precision >= PRECISION
    assert roles.precision >= PRECISION


def test_a_name_is_labelled_once() -> None:
    assert len({one.name for one in LABELS}) == len(LABELS)


def test_labels_are_written_as_keys() -> None:
    assert [t for one in LABELS for t in one.expected - ROLES if lookup._write(t) != t] == []
