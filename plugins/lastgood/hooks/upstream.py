"""The way to an upstream, by its HTTP connection: host, login, TLS, and how gently it is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include import __version__
from include.upstream.answers import Classifier, ThrottleHint
from include.upstream.guards import Breaker, Lease
from include.upstream.limits import BadSetting, Limits
from include.upstream.session import UpstreamSession

_TLS_AND_PROXY = frozenset({"verify", "verify_ssl", "cert", "proxies", "proxy"})  # the provider's own options
_CONTACT = "contact"


class NoHost(BadSetting):
    """The connection of an upstream is missing or names no host."""


class UpstreamHook(HttpHook):
    """Makes the session that a source asks its upstream through, for a task that holds the upstream's lease.

    The connection's extra holds the limits (see Limits.from_extra), the provider's `verify`, `cert` and
    `proxies`, `contact` (whom the upstream may write to; it is added to the User-Agent), and headers, which
    are told by a capital letter or a hyphen in their name (`X-Api-Key`). Anything else is refused, so that a
    slip of the pen in an option is not sent as a header. A password without a login is a
    bearer token; `options` are keys that the source itself reads.
    """

    def __init__(
        self,
        http_conn_id: str,
        defaults: Limits,
        breaker: Breaker,
        lease: Lease,
        classifier: Classifier | None = None,
        throttle_hint: ThrottleHint | None = None,
        options: Collection[str] = (),
    ) -> None:
        super().__init__(method="GET", http_conn_id=http_conn_id)
        self._defaults = defaults
        self._breaker = breaker
        self._lease = lease
        self._classifier = classifier
        self._throttle_hint = throttle_hint
        self._own = frozenset(options)

    def session(self) -> UpstreamSession:
        """A session on the connection's host.

        Raises NoHost where there is none, BadSetting naming the connection and what else is wrong.
        """
        try:
            connection = self.get_connection(self.http_conn_id)
        except AirflowNotFoundException:
            connection = None
        if connection is None or not connection.host:
            example = '{"conn_type": "http", "schema": "https", "host": "api.example.org"}'
            raise NoHost(
                f"The connection {self.http_conn_id} {'has no host' if connection else 'is not there'}. Set it in "
                f"Airflow under Admin, Connections or with AIRFLOW_CONN_{self.http_conn_id.upper()}='{example}'."
            )
        try:
            extra = {key: value for key, value in connection.extra_dejson.items() if key not in self._own}
            limits = Limits.from_extra(_options(extra), self._defaults)
            http = self.get_conn()
            return UpstreamSession(
                http,
                self.base_url,
                limits,
                self._breaker,
                classifier=self._classifier,
                throttle_hint=self._throttle_hint,
                lease=self._lease,
            )
        except ValueError as error:  # BadSetting, and what the provider says of an address
            raise BadSetting(f"The connection {self.http_conn_id} cannot be used: {error}") from None

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """The provider's session; of the extra only what is meant as a header is one."""
        connection = self.get_connection(self.http_conn_id)
        extra: Mapping[str, Any] = connection.extra_dejson
        http: requests.Session = super().get_conn(extra_options=extra_options)
        if not isinstance(http.proxies, dict):
            raise BadSetting('extra has `proxies` that are not like {"https": "http://proxy:3128"}.')
        if connection.conn_type == "https" and not connection.schema and "://" not in (connection.host or ""):
            # AIRFLOW_CONN_X=https://host means TLS, which the provider overlooks.
            self.base_url: str = self.base_url.replace("http://", "https://", 1)
        # The provider makes a header of every key that it does not know.
        for key in extra:
            http.headers.pop(key, None)
        if connection.password and not connection.login:
            http.headers["Authorization"] = f"Bearer {connection.password}"
        http.headers.update(_headers(extra))
        http.headers.update(headers or {})
        return http


def options(connection: str, names: Collection[str]) -> dict[str, Any]:
    """What a connection's extra holds under some names for the source itself; nothing where there is no connection."""
    try:
        extra: Mapping[str, Any] = HttpHook.get_connection(connection).extra_dejson if names else {}
    except AirflowNotFoundException:
        return {}
    return {name: extra[name] for name in names if name in extra}


def _is_header(key: str) -> bool:
    return re.search("[A-Z-]", key) is not None


def _options(extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of the extra for Limits."""
    return {
        key: value
        for key, value in extra.items()
        if not _is_header(key) and key != _CONTACT and key not in _TLS_AND_PROXY
    }


def _headers(extra: Mapping[str, Any]) -> dict[str, str]:
    """User-Agent and the extra's own headers. Raises BadSetting that names a bad one but not its value."""
    agent = f"lastgood/{__version__}"
    if contact := extra.get(_CONTACT):
        agent += f" (+{contact})"
    headers = {"User-Agent": agent, **{key: value for key, value in extra.items() if _is_header(key)}}
    for name, value in headers.items():
        if not (isinstance(value, str) and re.fullmatch(r"[!-~]([ -~]*[!-~])?", value)):
            raise BadSetting(f"the header `{name}` from extra cannot be sent: it must be plain ASCII text.")
    return headers
