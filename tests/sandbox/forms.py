"""An operator at a browser: the forms of the decisions, as Airflow's UI and our own page show them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from sandbox import environment
from sandbox.environment import Environment
from tests.running import Api
from tests.web import site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Response

DESKTOP, PHONE = (1280, 1000), (390, 844)
MILLISECONDS = 120_000
"""For the browser, on a machine that others keep busy."""


class Operator:
    """Whoever sits there: `admin`, who logs in when asked to."""

    def __init__(self, started: Environment, browser: Browser) -> None:
        self.api = Api(started)
        self._password = started.password
        self._browser = browser

    @contextmanager
    def page(self, size: tuple[int, int] = DESKTOP) -> Iterator[Page]:
        """A window that nobody has used before."""
        context = self._browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.set_default_timeout(MILLISECONDS)
        try:
            yield context.new_page()
        finally:
            context.close()

    def log_in(self, page: Page, address: str) -> None:
        """Open an address, be led to the login, and come back to it."""
        page.goto(address)
        page.locator("input[name=username]").fill(environment.UI_USER)
        page.locator("input[name=password]").fill(self._password)
        page.keyboard.press("Enter")
        page.wait_for_url(address)

    def form(self, page: Page, decision: str, **fields: str) -> Locator:
        """Airflow's form of a decision, filled in; what is not named stays as it was found."""
        form = self._asked(page, f"lastgood_{decision}")
        for name, value in fields.items():
            form.locator(f"#element_{name}").fill(value)
        return form

    def submit(self, page: Page, decision: str, **fields: str) -> str:
        """Send the form of a decision; returns the run that it made."""
        run: str = _answer(page, send(self.form(page, decision, **fields)), "/dagRuns")["dag_run_id"]
        return run

    def trigger(self, page: Page, dag: str) -> str:
        """Trigger a run of a DAG as its page offers it; returns the run."""
        run: str = _answer(page, send(self._asked(page, dag)), "/dagRuns")["dag_run_id"]
        return run

    def clear(self, page: Page, dag: str, run: str) -> None:
        """Clear all tasks of a run as its page offers it."""
        page.goto(f"{self.api.url}/dags/{dag}/runs/{quote(run)}")
        page.get_by_role("button", name="Clear").first.click()
        confirm = page.get_by_role("dialog").get_by_role("button", name="Confirm")
        _answer(page, confirm, "/clear", '"dry_run":false')

    def backfill(self, page: Page, dag: str, first: str, last: str) -> None:
        """Backfill the runs from one midnight to another, YYYY-MM-DD each, as the page of the DAG offers it."""
        form = self._asked(page, dag)
        form.get_by_text("Backfill", exact=True).click()
        form.get_by_text("From", exact=True).wait_for()
        # Older releases of Airflow have the browser's own fields.
        plain = form.locator("input[type=datetime-local]")
        for number, day in enumerate((first, last)):
            if plain.count():
                plain.nth(number).fill(f"{day}T00:00")
                continue
            form.get_by_text("Select date and time").first.click()
            page.get_by_placeholder("YYYY/MM/DD").fill(day.replace("-", "/"))
            page.get_by_placeholder("HH:mm").fill("00:00")
            page.keyboard.press("Escape")
            page.get_by_placeholder("HH:mm").wait_for(state="hidden")
        _answer(page, form.get_by_role("button", name="Run Backfill"), "/backfills")

    def _asked(self, page: Page, dag: str) -> Locator:
        """The form behind the button of a DAG's page."""
        page.goto(f"{self.api.url}/dags/{dag}")
        page.get_by_role("button", name="Trigger").first.click()
        return page.get_by_role("dialog").first

    def decide(self, page: Page, decision: str, **fields: str) -> str:
        """Send the form of a decision and wait until it is done; returns what the log says."""
        run = self.submit(page, decision, **fields)
        self.api.wait_for_run(f"lastgood_{decision}", run, "success")
        return self.log(f"lastgood_{decision}", run, decision)

    def refused(self, page: Page, decision: str, **fields: str) -> str:
        """Send the form of a decision that cannot be taken; returns what the log says."""
        run = self.submit(page, decision, **fields)
        self.api.wait_for_run(f"lastgood_{decision}", run, "failed")
        return self.log(f"lastgood_{decision}", run, decision)

    def log(self, dag: str, run: str, task: str) -> str:
        """What a task told of its first try."""
        address = f"{self.api.url}/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/1"
        headers = {**self.api.headers, "Accept": "application/json"}
        answer = requests.get(address, headers=headers, timeout=120)
        answer.raise_for_status()
        return "\n".join(str(line.get("event", "")) for line in answer.json()["content"])


def send(form: Locator) -> Locator:
    """The button at the end of Airflow's form."""
    return form.get_by_role("button", name="Trigger", exact=True)


def _answer(page: Page, button: Locator, ending: str, holding: str = "") -> dict[str, Any]:
    """What Airflow answers to the click of a button, of which this is how the address ends and what the request has."""

    def asked(answer: Response) -> bool:
        request = answer.request
        return (
            request.method == "POST" and answer.url.endswith(ending) and holding in (request.post_data or "")
        )

    with page.expect_response(asked) as answer:
        button.click()
    assert answer.value.ok, answer.value.text()
    found: dict[str, Any] = answer.value.json()
    return found


@contextmanager
def operator(started: Environment) -> Iterator[Operator]:
    """An operator at a Chromium."""
    with site.browser() as browser:
        yield Operator(started, browser)
