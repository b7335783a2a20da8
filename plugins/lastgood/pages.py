"""The pages that messages link to, for whoever is logged in to Airflow: the runbook, and the form of an acceptance.

Airflow's own form cannot be opened with its fields filled in. This one asks Airflow's API for the same run, with the
reader's own rights; it shows nothing but what stands in its address.
"""

from __future__ import annotations

import re
import secrets
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import include
from lastgood.ui import ui_url

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

PREFIX = "/lastgood"
ACCEPT = "lastgood_accept"
_INCLUDE = Path(include.__file__).parent
RUNBOOKS = (_INCLUDE.parent / "docs" / "runbook.md", _INCLUDE / "runbook.md")
"""In the project, and where only include/ is deployed."""


def runbook() -> Path | None:
    """The runbook, where it was deployed."""
    return next((path for path in RUNBOOKS if path.is_file()), None)


def app() -> FastAPI:
    """Both pages. Who is not logged in is led to the login and back."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api import security
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.responses import HTMLResponse, RedirectResponse, Response

    may_accept = security.requires_access_dag("POST", DagAccessEntity.RUN, ACCEPT)
    made = FastAPI(title="Lastgood", docs_url=None, redoc_url=None, openapi_url=None)

    @made.get("/accept", dependencies=[Depends(may_accept)], response_class=HTMLResponse)
    def accept(source: str = "", version: str = "") -> HTMLResponse:
        return _page("Accept a version", _accept(source[:250], version[:250]), script=_SCRIPT)

    @made.get(
        "/runbook", dependencies=[Depends(security.requires_authenticated())], response_class=HTMLResponse
    )
    def read() -> HTMLResponse:
        path = runbook()
        if path is None:
            raise HTTPException(404, "docs/runbook.md was not deployed")
        return _page("Runbook", rendered(path.read_text(encoding="utf-8")))

    @made.exception_handler(401)
    def unknown(request: Request, _error: Exception) -> Response:
        back = f"{ui_url()}{PREFIX}/{request.url.path.rsplit('/', 1)[-1]}"
        back += f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{ui_url()}/api/v2/auth/login?next={quote(back, safe='')}", status_code=303)

    return made


def rendered(markdown: str) -> str:
    """The runbook as HTML: a heading's anchor is its words, pictures are left out, other documents are only named."""
    from markdown_it import MarkdownIt

    text = re.sub(r"^<img [^\n]*$\n?", "", markdown, flags=re.MULTILINE)
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", re.sub(r"[^a-z0-9-]", "", inline.content.lower().replace(" ", "-")))
        for token in inline.children or ():
            if token.type == "link_open" and not str(token.attrGet("href")).startswith(
                ("#", "https://", "http://")
            ):
                token.tag, token.attrs = "span", {}
            if token.type == "link_close":
                token.tag = "a"
    return str(parser.renderer.render(tokens, parser.options, {}))


def _accept(source: str, version: str) -> str:
    return (
        "<h1>Accept a version</h1><p>For a version that only change rules refused: its data differ from those that "
        "consumers read by more than is usual. If they are right, accept it, and consumers read it from now on. If you "
        "are not sure, close this page: they keep reading what they read.</p>"
        f'<form id="accept"><label>Source<input name="source" required value="{escape(source, quote=True)}"></label>'
        f'<label>Version<input name="version" required value="{escape(version, quote=True)}"></label>'
        '<label>Reason<textarea name="reason" required minlength="3" maxlength="1000" rows="4" autofocus '
        'aria-describedby="why"></textarea></label><p id="why">Why the data are right, in a sentence. It is kept with '
        'your name.</p><button>Accept and publish</button><p id="said" role="status"></p></form>'
    )


_SCRIPT = """
const form = document.getElementById("accept"), said = document.getElementById("said");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const conf = Object.fromEntries(new FormData(form)), button = form.querySelector("button");
  button.disabled = true;
  said.textContent = "Asking Airflow …";
  try {
    const answer = await fetch("../api/v2/dags/DAG/dagRuns", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf }),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(typeof body.detail === "string" ? body.detail : JSON.stringify(body.detail));
    location.assign("../dags/DAG/runs/" + encodeURIComponent(body.dag_run_id));
  } catch (error) {
    said.textContent = "Not accepted: " + error.message;
    button.disabled = false;
  }
});
""".replace("DAG", ACCEPT)
_STYLE = """
body { margin: 0 auto; max-width: 46rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1f2430; }
label { display: block; margin: .8rem 0; font-weight: bold; }
input, textarea { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
input, textarea { font-weight: normal; border: 1px solid #8a92a3; border-radius: 6px; }
button { padding: .7rem 1.4rem; font: inherit; color: #fff; background: #1a56b0; border: 0; border-radius: 6px; }
pre { overflow-x: auto; padding: .6rem; background: #f5f6f8; font-size: 13px; } code { font-size: 90%; }
table { display: block; overflow-x: auto; border-collapse: collapse; }
td, th { padding: .3rem .6rem; border: 1px solid #cfd4dc; }
:target { background: #fff3bf; }
"""


def _page(title: str, body: str, script: str = "") -> HTMLResponse:
    """A page that loads nothing from anywhere, cannot be framed, and runs no script but its own."""
    from fastapi.responses import HTMLResponse

    nonce = secrets.token_urlsafe(16)
    code = f'<script nonce="{nonce}">{script}</script>' if script else ""
    html = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><style nonce="{nonce}">{_STYLE}</style></head><body>{body}{code}</body></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)
