"""The upstream hook: what the HTTP connection says reaches the session, to the upstream only what should."""

import json
import logging
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from include.registry.breaker import Breaker
from include.registry.lease import Lease
from include.upstream.answers import Kind
from include.upstream.limits import BadSetting, Limits
from include.upstream.session import UpstreamSession

DEFAULTS = Limits(per_second=1.0, burst=1)


class CalmBreaker(Breaker):
    def __init__(self) -> None:
        pass

    def before(self) -> None:
        pass

    def success(self) -> None:
        pass

    def failure(self, error: object) -> None:
        pass


class HeldLease(Lease):
    def __init__(self) -> None:
        pass

    def confirm(self) -> None:
        pass


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the connection `ctgov_api`: a URI, or the fields of the JSON form."""

    def set_to(uri: str = "", **fields: Any) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_CTGOV_API", uri or json.dumps({"conn_type": "http", **fields}))

    return set_to


def make_session(defaults: Limits = DEFAULTS) -> UpstreamSession:
    from lastgood.hooks.upstream import UpstreamHook

    return UpstreamHook("ctgov_api", defaults, CalmBreaker(), HeldLease()).session()


def sent_headers(httpserver: HTTPServer) -> Any:
    httpserver.expect_request("/api/v2/version").respond_with_json({"apiVersion": "2.0.5"})
    assert make_session().get("api/v2/version").kind is Kind.OK
    return httpserver.log[0][0].headers


def test_host_port_and_schema_come_from_the_connection(connection: Any) -> None:
    connection(host="clinicaltrials.gov", schema="https")
    assert make_session().base_url == "https://clinicaltrials.gov"
    connection(host="127.0.0.1", port=8080)
    assert make_session().base_url == "http://127.0.0.1:8080"
    connection(host="https://clinicaltrials.gov")
    assert make_session().base_url == "https://clinicaltrials.gov"


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/https", "https://127.0.0.1:8080"),
        ("https://clinicaltrials.gov", "https://clinicaltrials.gov"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("http://https%3A%2F%2Fclinicaltrials.gov", "https://clinicaltrials.gov"),
    ],
)
def test_a_connection_may_be_a_uri(connection: Any, uri: str, base_url: str) -> None:
    connection(uri)
    assert make_session().base_url == base_url


@pytest.mark.parametrize("fields", [{}, {"host": ""}, {"extra": {"pace": 1}}])
def test_a_connection_without_host_is_told_in_one_sentence(connection: Any, fields: dict[str, Any]) -> None:
    connection(**fields)
    with pytest.raises(BadSetting, match=r"The connection ctgov_api has no host.*AIRFLOW_CONN_CTGOV_API="):
        make_session()


def test_a_connection_that_nobody_made_is_told_like_one_without_host(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from lastgood.hooks.upstream import NoHost

    def nothing(*_: object) -> None:
        raise AirflowNotFoundException("The conn_id `ctgov_api` isn't defined")

    monkeypatch.setattr(HttpHook, "get_connection", nothing)
    with pytest.raises(
        NoHost, match=r"The connection ctgov_api is not there. Set it .*AIRFLOW_CONN_CTGOV_API="
    ):
        make_session()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"host": "h", "schema": "api/v2"}, "api/v2://h"),
        ({"host": "h", "schema": "ftp"}, "not the address of an upstream"),
        ({"host": "h", "extra": {"pase": 5}}, "unknown key `pase`"),
        ({"host": "h", "extra": {"pace": "fast"}}, "`pace` = 'fast'"),
        ({"host": "h", "extra": {"trust_env": False}}, "unknown key `trust_env`"),
        ({"host": "h", "extra": {"proxies": "http://proxy:3128"}}, "`proxies`"),
        ({"host": "h", "extra": {"contact": "a\r\nX-Evil: 1"}}, "`User-Agent`"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_with_the_connection(
    connection: Any, fields: dict[str, Any], message: str
) -> None:
    connection(**fields)
    with pytest.raises(BadSetting) as caught:
        make_session()
    assert str(caught.value).startswith("The connection ctgov_api cannot be used: ")
    assert message in str(caught.value)


def test_limits_come_from_the_sources_defaults_and_the_extra(connection: Any) -> None:
    connection(host="h", extra={"pace": 50, "timeout": 20, "concurrency": 4})
    limits = make_session(Limits(per_second=1.0, burst=3)).limits
    assert (limits.per_second, limits.burst, limits.concurrency) == (50.0, 3, 4)
    assert limits.timeout_seconds == (20.0, 20.0)
    connection("http://h:80?pace=2.5&burst=7")
    limits = make_session().limits
    assert (limits.per_second, limits.burst) == (2.5, 7)


def test_our_options_are_not_sent_as_headers_and_the_users_headers_are(
    connection: Any, httpserver: HTTPServer
) -> None:
    connection(
        host=httpserver.host,
        port=httpserver.port,
        extra={
            "pace": 50,
            "burst": 5,
            "timeout": 20,
            "max_bytes": 100000,
            "contact": "data@example.org",
            "verify": True,
            "X-Api-Key": "k1",
        },
    )
    headers = sent_headers(httpserver)
    assert sorted(headers.keys()) == [
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Host",
        "User-Agent",
        "X-Api-Key",
    ]
    assert headers["X-Api-Key"] == "k1"
    project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text())
    assert headers["User-Agent"] == f"lastgood/{project['project']['version']} (+data@example.org)"


def test_without_a_contact_the_user_agent_is_ours_alone(connection: Any, httpserver: HTTPServer) -> None:
    connection(host=httpserver.host, port=httpserver.port)
    assert sent_headers(httpserver)["User-Agent"].startswith("lastgood/")
    assert "(" not in httpserver.log[0][0].headers["User-Agent"]


def test_a_login_becomes_basic_authentication(connection: Any, httpserver: HTTPServer) -> None:
    connection(host=httpserver.host, port=httpserver.port, login="someone", password="secret-word")
    assert sent_headers(httpserver)["Authorization"] == "Basic c29tZW9uZTpzZWNyZXQtd29yZA=="


@pytest.mark.parametrize("value", ["s3cr3t\n", "s3cr3t\x00", " s3cr3t", 5, None, "s3cr3té"])
def test_a_header_that_cannot_be_sent_is_named_without_its_value(connection: Any, value: Any) -> None:
    connection(host="h", extra={"X-Api-Key": value})
    with pytest.raises(BadSetting, match="`X-Api-Key`") as caught:
        make_session()
    assert "s3cr3t" not in str(caught.value)


def test_tls_and_proxy_options_reach_the_session(connection: Any, tmp_path: Path) -> None:
    from lastgood.hooks.upstream import UpstreamHook

    proxies = {"https": "http://proxy.example:3128"}
    connection(
        host="h", schema="https", extra={"verify": "/etc/ca.pem", "cert": "/etc/c.pem", "proxies": proxies}
    )
    http = UpstreamHook("ctgov_api", DEFAULTS, CalmBreaker(), HeldLease()).get_conn()
    assert (http.verify, http.cert, http.proxies) == ("/etc/ca.pem", "/etc/c.pem", proxies)


def test_only_the_session_tries_again(connection: Any) -> None:
    from lastgood.hooks.upstream import UpstreamHook

    connection(host="h")
    http = UpstreamHook("ctgov_api", DEFAULTS, CalmBreaker(), HeldLease()).get_conn()
    for adapter in http.adapters.values():
        assert adapter.max_retries.total == 0  # type: ignore[attr-defined]
        assert not adapter.max_retries.read  # type: ignore[attr-defined]


def test_no_secret_is_logged(
    connection: Any, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    connection(
        host=httpserver.host,
        port=httpserver.port,
        login="someone",
        password="secret-word",
        extra={"Authorization": "Bearer secret-word", "attempts": 2, "backoff_first": 0.001, "pace": 0},
    )
    httpserver.expect_request("/x").respond_with_data("", status=503)
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception, match="503") as caught:
        make_session().get("x")
    assert "failed, next in" in caplog.text
    assert "secret-word" not in caplog.text + str(caught.value)
