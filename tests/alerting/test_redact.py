"""Nothing secret or personal gets into a message, and ordinary sentences get there whole."""

from __future__ import annotations

import base64
import ipaddress
import json
import random
import string
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerting import redact

BASE64 = string.ascii_letters + string.digits + "+/"
BASE62 = string.ascii_letters + string.digits


def drawn(alphabet: str, least: int, most: int = 60) -> st.SearchStrategy[str]:
    """Random as real keys are: Hypothesis would rather try "aaaa"."""
    return st.builds(
        lambda seed, size: "".join(random.Random(seed).choices(alphabet, k=size)),
        st.integers(0, 2**64),
        st.integers(least, most),
    )


word = st.text(string.ascii_letters + string.digits, min_size=3, max_size=20)
password = drawn(BASE62 + "!§$%&/()=?`*#;,.:@<>[]{}|~^", 6, 30).filter(lambda p: "://" not in p)
NAMES = """
    password passwd PASSWORD db_password clientSecret secret client_secret token access_token refreshToken
    api_key apikey API-KEY x_api_key access_key aws_secret_access_key signature sig auth passphrase
""".split()  # noqa: SIM905
name = st.sampled_from(NAMES)

FAMILIES: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "mail": st.builds(
        lambda local, host, tld: (f"{local}@{host}.{tld}",) * 2,
        drawn(BASE62 + "._%+-", 3, 20).filter(lambda t: t[0].isalnum() and t[-1].isalnum()),
        word,
        st.sampled_from(["org", "com", "co.uk", "museum"]),
    ),
    "phone": st.builds(
        lambda digits, shape: ("".join(next(digits) if c == "9" else c for c in shape),) * 2,
        st.lists(st.sampled_from("23456789"), min_size=20, max_size=20).map(iter),
        st.sampled_from(
            ["+99 99 9999999", "+999999999999", "+9 (999) 999-9999", "+99-999-999-999", "(999) 999-9999",
             "999-999-9999", "999.999.9999", "099 9999999", "099/9999999", "tel: 9999999", "phone 999 99 99"]
        ),
    ).map(lambda pair: (pair[0], pair[1].lstrip("telphon: "))),
    "bearer": drawn(BASE62 + "-._~", 16).map(lambda t: (f"Bearer {t}", t)),
    "short bearer": drawn(BASE62, 8).filter(lambda t: t[0].isdigit()).map(lambda t: (f"bearer {t}", t)),
    "basic": st.tuples(word, word).map(
        lambda t: (f"Basic {(code := base64.b64encode(':'.join(t).encode()).decode())}", code)
    ),
    "URL": st.builds(
        lambda scheme, user, secret: (f"{scheme}://{user}:{secret}@db.example/lastgood", secret),
        st.sampled_from(["https", "postgresql+psycopg", "redis", "s3"]),
        word,
        drawn(BASE62 + "!$&()*+,;=:@%._~-/", 6, 30),
    ),
    "URL without a password": word.map(lambda t: (f"https://{t}qX7@example.org/x", f"{t}qX7")),
    "query": st.builds(lambda n, p: (f"https://x.example/a?b=1&{n}={quote(p, '')}", quote(p, "")), name, password),
    "pair": st.builds(lambda n, p, sep: (f"{n}{sep}{p}", p), name, password, st.sampled_from(["=", ":", "=>"])),
    "YAML": st.builds(lambda n, p: (f"{n}: {p}", p), name, password),
    "libpq": st.builds(lambda p: (f"host=db password='{p} {p}' dbname=x", p), password),
    "JSON": st.builds(lambda n, p: (json.dumps({n: f"{p} \" {p}"}), p), name, password),
    "JSON in JSON": st.builds(lambda n, p: (json.dumps(json.dumps({n: f"{p} \" {p}"})), p), name, password),
    "repr": st.builds(lambda n, p: (repr({n: f"{p} ' {p}", "b": '"'}), p), name, password),
    "call": st.builds(lambda n, p: (f"connect(user='u', {n}={p!r}, port=5)", p), name, password),
    "header": drawn(BASE62, 10).map(lambda t: (f"Authorization: Digest username=u, response={t} {t}", t)),
    "cookie": st.builds(lambda a, b: (f"Cookie: a={a}xY7; b={b}xY7", f"{b}xY7"), word, word),
    "headers": drawn(BASE62, 10).map(lambda t: (repr({"X-Api-Key": t, "Cookie": f"a=b; c={t}"}), t)),
    "AWS": drawn(string.ascii_uppercase + string.digits, 16, 16).map(lambda t: (f"AKIA{t}", t)),
    "JWT": st.builds(
        lambda a, b: (f"eyJ{a}.eyJ{b}.{a}", b), drawn(BASE62 + "-_", 10, 40), drawn(BASE62 + "-_", 10, 40)
    ),
    "Slack": drawn(BASE62, 24, 24).map(lambda t: (f"https://hooks.slack.com/services/T0A/B0C/{t}", t)),
    "GitHub": drawn(BASE62, 36, 36).map(lambda t: (f"ghp_{t}", t)),
    "hex": drawn("0123456789abcdef", 32, 128).map(lambda t: (t, t)),
    "base 64": drawn(BASE64, 32).map(lambda t: (f"{t}==", t)),
    "base 64 for URLs": drawn(BASE62 + "-_", 32).map(lambda t: (t, t)),
    "key block": drawn(BASE64, 64, 90).map(
        lambda t: (f"-----BEGIN RSA PRIVATE KEY-----\n{t[:20]}\n{t[20:]}\n-----END RSA PRIVATE KEY-----", t[:20])
    ),
    "IPv4": st.integers(2**24, 2**27).map(lambda n: (str(ipaddress.IPv4Address(n)),) * 2),
    "IPv6": st.integers(2, 2**128 - 1).map(lambda n: (str(ipaddress.IPv6Address(n)),) * 2),
    "long IPv6": st.integers(2**120, 2**128 - 1).map(lambda n: (ipaddress.IPv6Address(n).exploded,) * 2),
}  # fmt: skip


@pytest.mark.parametrize(
    "written",
    [
        "ACCOUNT_PASSWORD_ENCODED={}",
        "'DB_PASSWORD_PROD': '{}'",
        "password2: {}",
        "token_v2={}",
        "client_secret_2='{}'",
        "MY-API-KEY-OLD: {}",
        "pwd_for_prod => {}",
        "passphraseOfTheBackup={}",
        "x-amz-security-token-v2: {}",
        "authorization_2: {}",
        "azure://id:{}?restype=container",
        "snowflake://user:{}/db",
        "redis://:{}",
        "mysql+pymysql://root:{}",
        "the URI sqlite://user:{} cannot be opened",
        "redis://:${}",
        "redis://:%s{}",
        "redis://:1234{}",
    ],
)
def test_a_secret_is_known_by_its_name_with_any_ending_and_by_its_place_in_a_uri_without_a_host(
    written: str,
) -> None:
    assert "hunter2x" not in redact.text(written.format("hunter2x"))


@pytest.mark.parametrize(
    "ordinary",
    [
        "https://example.org:8080/a, then http://localhost:8080.",
        "http://[::1]:8080/x and postgresql://db:5432",
        "s3://lastgood_store@bucket/prefix",
        "file:///C:/data and jdbc:sqlserver://db:1433;user=a",
        "the template postgresql://{user}:{place}, or mysql://$USER:${WORD}/db and x://%s:%s",
        "12:30:15 of 2026-11-30T12:30:15",
        "one of 5 tokens, and 3 passwords",
    ],
)
def test_addresses_and_times_are_no_secrets(ordinary: str) -> None:
    assert redact.text(ordinary) == ordinary


@pytest.mark.parametrize("odd", [":", "a:", "beef:", "://a:", "x-auth-", "password", "1.2.", "a@a."])
def test_a_text_of_nothing_but_odd_signs_comes_through(odd: str) -> None:
    assert len(redact.text(odd * 20_000)) <= redact.CHARACTERS


ahead = st.sampled_from(
    ["", " ", "(", '"', "'", "<", "\n", "error at ", "host=", "x: ", "12:", "é ", "\x1b[31m"]
)
around = st.text(st.characters(codec="utf-8", exclude_characters="\x1b\x9b"), max_size=60)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(
    data=st.data(),
    before=around,
    joint=ahead,
    end=st.sampled_from([" ", ")", '"', "\n", ", ", " }"]),
    after=around,
)
def test_no_secret_survives_wherever_it_stands(
    family: str, data: st.DataObject, before: str, joint: str, end: str, after: str
) -> None:
    planted, secret = data.draw(FAMILIES[family])
    shown = redact.text(f"{before} {joint}{planted}{end}{after}")
    assert secret not in shown
    assert secret not in redact.text(f"{'words ' * 15}{planted}", 100)


ORDINARY = """
OSError: [Errno 28] No space left on device: '/opt/store/versions/ctgov/20261122T093223Z-41559e77/studies-00000.parquet'
ctgov 20261122T093223Z-41559e77 did not pass its gate, consumers keep reading what they read.
GET clinicaltrials.gov/api/v2/studies?pageSize=1000&countTotal=true answered 503 text/html "Service Unavailable"
2026-11-22T09:32:23.123456+00:00 and 2026-11-22 09:32:23 UTC, interval 2026-11-21 to 2026-11-22, at 09:32:23
manual__2026-11-22T09:32:23.123456+00:00_Zq3vT8aB, scheduled__2026-11-22T05:00:00+00:00
studies: rows fell by more than 2 % (48213; must_be_less_than: 2) of 1,234,567 rows, NCT01234567, CAS 7732-18-5
connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "airflow"
psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "pk_dataset_version_source_version"
ModuleNotFoundError: No module named 'lastgood.operators.something_that_is_not_there_yet_and_has_a_long_name'
File "/usr/local/airflow/plugins/lastgood/operators/steps.py", line 112, in execute
/tmp/env/lib/python3.11/site-packages/airflow/providers/common/sql/hooks/sql_execute_with_retries.py:214
tests/dags/test_policy.py::TestPolicy::test_every_dag_has_an_owner_and_a_runbook failed
run 3f2504e0-4f89-11d3-9a0c-0305e82c3301 of airflow 3.3.2 on Python 3.11.9, pyarrow 26.0.1
UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte
AirflowTaskTimeout: Timeout, PID: 4711; exit code -9; try 4 of 4; breaker_open_until; author: none; signal=9
the token bucket is empty; the secret is missing; bearer token is missing; basic authentication failed; no cookie
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 is not what was checked
s3://lastgood_s3@bucket/prefix and file:///opt/store, http://localhost:8080/dags/ctgov/runs/x and C::Thing std::vector
temperatures -3.5e-7 and 12e+3, 100 200 3000, 00042, 3/4, x86_64-linux-gnu, cp311-manylinux2014_x86_64, v1.2.3
""".strip().splitlines()


@pytest.mark.parametrize("sentence", ORDINARY)
def test_ordinary_sentences_survive_unchanged(sentence: str) -> None:
    assert redact.text(sentence) == sentence


@settings(max_examples=50, deadline=None)
@given(
    when=st.datetimes(timezones=st.just(UTC)),
    version=drawn("0123456789abcdef", 8, 8),
    uuid=st.uuids(),
    figure=st.floats(allow_nan=False) | st.integers(-(10**15), 10**15),
    release=st.tuples(*[st.integers(0, 300)] * 3),
    path=st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=24), min_size=1, max_size=20),
)
def test_times_versions_paths_and_figures_survive(
    when: datetime, version: str, uuid: Any, figure: float, release: tuple[int, ...], path: list[str]
) -> None:
    for sentence in (
        f"at {when.isoformat()}, {when:%Y-%m-%d %H:%M:%S} UTC",
        f"ctgov {when:%Y%m%dT%H%M%SZ}-{version} took {figure} s",
        f"run {uuid} with {'.'.join(map(str, release))}",
        f"'/{'/'.join(path)}/{'_'.join(path)}-00042.parquet' is gone",
    ):
        assert redact.text(sentence) == sentence


def test_random_tokens_are_told_from_names() -> None:
    source = random.Random(5)
    for alphabet in ("0123456789abcdef", BASE62, BASE64, BASE62 + "-_"):
        for _ in range(800):
            token = "".join(source.choices(alphabet, k=source.choice([32, 40, 64])))
            assert redact.text(token) != token


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=400), st.integers(1, 50))
def test_what_comes_out_prints_and_is_bounded(value: str, limit: int) -> None:
    shown = redact.text(value, limit)
    assert len(shown) <= limit and all(c.isprintable() or c == "\n" for c in shown)


@pytest.mark.parametrize("between", ["\n", " "])
def test_the_row_that_a_database_error_speaks_of_is_left_out(between: str) -> None:
    said = between.join(
        ['violates check constraint "c"', "DETAIL:  Failing row (1, Jane Roe, null).", "CONTEXT:  x"]
    )
    assert redact.text(said) == 'violates check constraint "c" …'


def test_terminal_escapes_and_endless_lines_are_gone() -> None:
    assert redact.text(
        "\x1b[31;1mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\r\nnext\x00\x9b2J\u202e"
    ) == ("red link\nnext")
    assert redact.text("line\n\n" * 100).count("\n") == redact.LINES - 1
    assert len(redact.text("word " * 10**6)) == redact.CHARACTERS
    assert redact.text("x" * 10**6) == ""


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a-",
        "://a:",
        "password",
        "x-a",
        "a.a@",
        "+1 2",
        "a:",
        "eyJa.",
        "\\",
        "'",
        "sk-",
        "basic a",
        "1.1.",
    ],
)
def test_hostile_text_takes_no_more_steps_than_it_has_letters(unit: str) -> None:
    """A pattern that backtracks would run into the time limit of the suite, not just be slow."""
    redact.text(unit * (20 * redact.CHARACTERS // len(unit)))


def test_a_row_shows_its_key_figures_dates_and_codes_only() -> None:
    shown = redact.row(
        {
            "name": "Jane Doe",
            "nct_id": "NCT01234567",
            "slug": "some-key of mine",
            "status": "NOT_YET_RECRUITING",
            "rows": 5,
            "share": 0.25,
            "odd": float("nan"),
            "price": Decimal("1.50"),
            "known": True,
            "gone": None,
            "day": date(2026, 11, 22),
        },
        ("slug",),
    )
    assert list(shown.items()) == [
        ("slug", "some-key of mine"),
        ("name", "[8 characters]"),
        ("nct_id", "NCT01234567"),
        ("status", "NOT_YET_RECRUITING"),
        ("rows", 5),
        ("share", 0.25),
        ("odd", "nan"),
        ("price", "1.50"),
        ("known", True),
        ("gone", None),
        ("day", "2026-11-22"),
    ]
    assert redact.row(
        {"at": "2026-11-22 09:32:23+00", "n": "-1.5", "l": ["Jane"], "e": "", "k": "a@b.org"}, "k"
    ) == {
        "k": "[mail]",
        "at": "2026-11-22 09:32:23+00",
        "n": "-1.5",
        "l": "[list]",
        "e": "",
    }
    named = redact.row({"n": 1, "season": "Premier League 25/26", "who": "Jane Doe"}, ("n",), ("season",))
    assert list(named.items()) == [("n", 1), ("season", "Premier League 25/26"), ("who", "[8 characters]")]
    shouted = redact.row(
        {"a": "ANNA", "b": "SMITH", "c": "SMITH-JONES", "d": "J.DOE", "x": "OK", "y": "N/A", "z": "PHASE2"},
        (),
    )
    assert [shouted[name] for name in "abcd"] == [f"[{n} characters]" for n in (4, 5, 11, 5)]
    assert [shouted[name] for name in "xyz"] == ["OK", "N/A", "PHASE2"]
    assert len(redact.row({f"c{n}": n for n in range(99)}, ())) == redact.COLUMNS


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=20),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    )
)
def test_any_row_can_be_written_as_json(row: dict[str, Any]) -> None:
    json.dumps(redact.row(row, list(row)[:1]), allow_nan=False)
