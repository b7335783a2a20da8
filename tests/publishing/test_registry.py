"""The registry's schema: brought up to date once, and never touched by an older release."""

from __future__ import annotations

import pytest

from include.publishing.registry import NewerRegistry, Registry


def test_migrating_again_changes_nothing(registry: Registry) -> None:
    assert registry.migrate() == registry.migrate()


def test_an_older_release_says_that_the_registry_is_newer_and_changes_nothing(registry: Registry) -> None:
    with registry.cursor() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    with pytest.raises(NewerRegistry, match=r"at revision 9999, which this release does not know.*deploy"):
        registry.migrate()
    with registry.cursor() as cursor:
        cursor.execute("SELECT version_num FROM lastgood.schema_version")
        assert cursor.fetchall() == [{"version_num": "9999"}]
