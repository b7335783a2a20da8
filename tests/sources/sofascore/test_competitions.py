"""The list of competitions, and the spellings of a season."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.sofascore.competitions import DEFAULT, find, load, season_label, season_year

LINE = "{slug: a-league, name: A League, country: A, kind: club, unique_tournament_id: 3, tournament_id: 9}"
OTHER = "{slug: b-cup, name: B Cup, country: B, kind: national, unique_tournament_id: 4, since: 2019}"


def file_of(tmp_path: Path, *lines: str, head: str = "since: 2022") -> Path:
    path = tmp_path / "list.yml"
    path.write_text("\n".join([head, "competitions:", *(f"  - {line}" for line in lines)]), encoding="utf-8")
    return path


def test_the_default_list_has_41_club_and_14_national_competitions() -> None:
    assert Counter(competition.kind for competition in load()) == {"club": 41, "national": 14}


@pytest.mark.parametrize(
    ("slug", "unique_tournament_id", "tournament_id"),
    [
        ("england-premier-league", 17, 1),
        ("spain-laliga", 8, 36),
        ("italy-serie-a", 23, 33),
        ("germany-bundesliga", 35, 42),
        ("france-ligue-1", 34, 4),
        ("portugal-primeira-liga", 238, 52),
        ("belgium-pro-league", 38, 38),
        ("uefa-champions-league", 7, None),
    ],
)
def test_the_default_list_has_both_ids_of_the_contract(
    slug: str, unique_tournament_id: int, tournament_id: int | None
) -> None:
    competition = find(load(), slug)
    assert (competition.id, competition.tournament_id) == (unique_tournament_id, tournament_id)


def test_the_default_list_collects_every_competition_from_2022_on() -> None:
    assert {competition.since for competition in load()} == {2022}


def test_no_stage_of_the_default_list_belongs_to_two_competitions() -> None:
    stages = [competition.tournament_id for competition in load() if competition.tournament_id is not None]
    assert len(stages) == len(set(stages))


def test_since_of_a_competition_overrides_the_default_of_the_file(tmp_path: Path) -> None:
    first, second = load(file_of(tmp_path, LINE, OTHER))
    assert (first.since, first.tournament_id) == (2022, 9)
    assert (second.since, second.tournament_id) == (2019, None)


def test_a_competition_cannot_be_changed(tmp_path: Path) -> None:
    (competition,) = load(file_of(tmp_path, LINE))
    with pytest.raises(AttributeError):
        competition.id = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (LINE.replace("}", ", seasons: 3}"), "unknown field `seasons`"),
        (LINE.replace("name: A League, ", ""), "missing required field `name`"),
        (LINE.replace("kind: club", "kind: youth"), "'youth' - at `$.kind`"),
        (LINE.replace("name: A League", "name: 7"), "got `int` - at `$.name`"),
        (LINE.replace("id: 3,", 'id: "3",'), "got `str` - at `$.unique_tournament_id`"),
        (LINE.replace("id: 3,", "id: true,"), "got `bool` - at `$.unique_tournament_id`"),
        (LINE.replace("id: 3,", "id: 0,"), ">= 1 - at `$.unique_tournament_id`"),
        (LINE.replace("}", ", since: 22}"), ">= 1850 - at `$.since`"),
    ],
)
def test_a_wrong_entry_is_refused_with_file_competition_and_field(
    tmp_path: Path, line: str, says: str
) -> None:
    path = file_of(tmp_path, OTHER, line)
    with pytest.raises(ValueError, match=re.escape(f"{path}: competition 2 (a-league): ")) as refused:
        load(path)
    assert says in str(refused.value)


def test_a_slug_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, LINE.replace("a-league", "../a"))
    with pytest.raises(ValueError, match=re.escape("competition 1 (../a)") + r".*`\$\.slug`"):
        load(path)


def test_a_slug_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="competition 2: the slug a-league stands twice"):
        load(file_of(tmp_path, LINE, LINE.replace("id: 3,", "id: 5,")))


def test_an_id_that_stands_twice_is_refused_with_both_competitions(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(b-cup\): unique_tournament_id 3 is that of a-league too"):
        load(file_of(tmp_path, LINE, OTHER.replace("id: 4", "id: 3")))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "since: 2022",
        "since: 2022\ncompetitions: []",
        "since: 2022\ncompetitions: [17]",
        "a: [",
        "\x00",
    ],
)
def test_a_file_that_is_no_list_of_competitions_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "list.yml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(str(path))):
        load(path)


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown field `until`"):
        load(file_of(tmp_path, LINE, head="since: 2022\nuntil: 2025"))


@pytest.mark.parametrize("text", ["england-premier-league", "England-Premier-League", " 17 "])
def test_a_competition_is_found_by_slug_and_by_unique_tournament_id(text: str) -> None:
    assert find(load(), text).name == "Premier League"


def test_every_competition_of_the_default_list_is_found_by_both() -> None:
    competitions = load()
    for competition in competitions:
        assert find(competitions, competition.slug) is competition
        assert find(competitions, str(competition.id)) is competition


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("england-premierleague", "england-premier-league"),
        ("Premier League", "england-premier-league"),
        ("supercup", "germany-supercup"),
        ("supercup", "belgium-supercup"),
    ],
)
def test_a_name_that_is_not_found_is_answered_with_near_matches(text: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"{text!r}; near matches: .*{near}"):
        find(load(), text)


@pytest.mark.parametrize("text", ["", "1e9", "999999", "?" * 1000])
def test_a_name_that_is_near_to_none_says_where_the_list_is(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"add it to {DEFAULT.name}")):
        find(load(), text)


@pytest.mark.parametrize(
    ("text", "year", "label"),
    [
        ("25/26", 2025, "2025-26"),
        ("2026", 2026, "2026"),
        ("92/93", 1992, "1992-93"),
        ("08/09", 2008, "2008-09"),
        ("99/00", 1999, "1999-00"),
        ("00/01", 2000, "2000-01"),
        ("49/50", 2049, "2049-50"),
        ("50/51", 1950, "1950-51"),
        ("1969/1970", 1969, "1969-70"),
        ("1999/2000", 1999, "1999-00"),
        ("2025/26", 2025, "2025-26"),
        ("2025-26", 2025, "2025-26"),
        ("2025-2026", 2025, "2025-26"),
        ("2019", 2019, "2019"),
    ],
)
def test_spellings_of_a_season(text: str, year: int, label: str) -> None:
    assert (season_year(text), season_label(text)) == (year, label)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Apertura",
            "",
            " ",
            "25/27",
            "25/25",
            "26/25",
            "25/2026",
            "2025/2027",
            "2025-27",
            "1999/1900",
            "1999-1900",
        ),
        *(
            "25",
            "25-26",
            "2025/",
            "/26",
            "25/26 ",
            "25/26\n",
            "2025 26",
            "Apertura 2025",
            "0000",
            "9999",
            "20256",
        ),
        *("2025/026", "25/26/27", "२०२५", "２５/２６", "-2025", "2025.0"),
    ],
)
def test_anything_else_is_no_season_and_the_error_names_it(text: str) -> None:
    for read in (season_year, season_label):
        with pytest.raises(ValueError, match=re.escape(repr(text)) + " is not a season: "):
            read(text)


YEARS = st.integers(1900, 2049)


def spellings(year: int) -> list[str]:
    """Every spelling of the season that starts in a year and ends in the next."""
    end = year + 1
    long = [f"{year}/{end}", f"{year}-{end}", f"{year}/{str(end)[2:]}", f"{year}-{str(end)[2:]}"]
    return long + ([f"{str(year)[2:]}/{str(end)[2:]}"] if year >= 1950 else [])


@given(YEARS)
@settings(deadline=None)
def test_every_spelling_of_a_season_means_the_same(year: int) -> None:
    texts = spellings(year)
    assert {season_year(text) for text in texts} == {year}
    labels = {season_label(text) for text in texts}
    assert len(labels) == 1
    assert labels <= set(texts)


@given(YEARS, st.booleans())
@settings(deadline=None)
def test_our_label_is_read_as_itself(year: int, calendar: bool) -> None:
    label = season_label(str(year) if calendar else f"{year}/{year + 1}")
    assert season_label(label) == label
    assert season_year(label) == year


@given(YEARS, YEARS, st.booleans(), st.booleans())
@settings(deadline=None)
def test_labels_sort_by_start_year(first: int, second: int, calendar: bool, other_calendar: bool) -> None:
    def label(year: int, is_calendar: bool) -> str:
        return season_label(str(year) if is_calendar else f"{year}/{year + 1}")

    if first != second:
        assert (label(first, calendar) < label(second, other_calendar)) == (first < second)


@given(st.text(max_size=12) | st.text("0123456789/-", max_size=9))
@settings(deadline=None)
def test_a_text_is_a_season_of_sensible_years_or_an_error(text: str) -> None:
    try:
        label = season_label(text)
    except ValueError as error:
        assert repr(text) in str(error)
    else:
        assert re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", label)
        assert 1850 <= season_year(text) <= 2099
