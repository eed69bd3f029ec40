"""The Prefect UI in a real browser, for tests that use it as people do and keep what they see."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Response, Route, sync_playwright

ROOT = Path(__file__).parent.parent.parent
KEPT = Path(os.environ.get("UI_SCREENSHOTS", ROOT / "out" / "screenshots"))
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE, STILL = 60.0, 0.6
"""Seconds for what a page has to show, as machines may be busy, and for it to stand still before it is kept."""
LOADING = "[data-slot=skeleton]"
"""What the UI shows in place of what it does not have yet."""
BUSY, ATTEMPTS = 503, 5

CHROMIUM = next((path for path in map(shutil.which, PROGRAMS) if path), None)
"""Debian's Chromium or another; None where there is none."""
NONE = "no chromium is installed (apt-get install chromium), so nothing can be shown in a browser"
"""Why a test that needs one is skipped."""


@dataclass
class Ui:
    """A browser window on the UI of a server.

    Attributes:
        page: Playwright's page.
        url: Where the server is.
        servers: Those that answered; it may ask others, but reaches none.
    """

    page: Page
    url: str
    servers: set[str] = field(default_factory=set)

    def open(self, path: str, *shown: str) -> str:
        """Goes to a page, waits until it shows the texts, and returns what it says."""
        self.page.goto(f"{self.url}/v2/{path}")
        return self.until(*shown)

    def until(self, *shown: str, seconds: float = PATIENCE) -> str:
        """Waits until the page shows the texts, and returns what it says."""
        deadline = time.monotonic() + seconds
        while missing := [text for text in shown if text not in self.says()]:
            assert time.monotonic() < deadline, f"{self.page.url} does not show {missing}, but:\n{self.says()}"
            self.page.wait_for_timeout(100)
        return self.says()

    def says(self) -> str:
        """The text of the page."""
        return self.page.inner_text("body")

    def run_page(self, run_id: str, tab: str, *shown: str) -> str:
        """Opens a tab of the page of a run."""
        return self.open(f"runs/flow-run/{run_id}?tab={tab}", *shown)

    def retry(self) -> str:
        """Retries the run whose page is open, and returns what the confirmation says."""
        dialog = self.page.get_by_role("dialog").or_(self.page.get_by_role("alertdialog"))
        asked = []

        def confirm() -> None:
            self.page.reload()
            self.page.get_by_role("button", name="Open menu").click()
            self.page.get_by_role("menuitem", name="Retry").click()
            asked.append(dialog.inner_text())
            dialog.get_by_role("button", name="Retry").click()

        self.answered("/set_state", confirm)
        dialog.wait_for(state="hidden")
        return asked[-1]

    def answered(self, path: str, click: Callable[[], None]) -> None:
        """Clicks for what posts to a path of the API, and again where the server is busy, as people would."""
        for _ in range(ATTEMPTS):
            with self.page.expect_response(lambda answer: answer.url.endswith(path)) as answer:
                click()
            if answer.value.status != BUSY:
                return
        raise AssertionError(f"the server was too busy for {path} {ATTEMPTS} times")

    def field(self, label: str) -> Locator:
        """A field of a form, whether or not the form calls it optional."""
        return self.page.get_by_label(label, exact=True).or_(self.page.get_by_label(f"{label} (", exact=False)).first

    def submit(self) -> None:
        """Sends the form."""
        self.page.get_by_role("button", name="Submit").click()

    def complaint(self, label: str) -> str:
        """What the browser says against the value of a field; nothing if it is well."""
        return str(self.field(label).evaluate("field => field.validationMessage"))

    def keep(self, name: str, whole: bool = False) -> None:
        """Keeps a picture of the window, or of the whole page, once it stands still; a timeline never quite does."""
        KEPT.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_function(f"!document.querySelector({LOADING!r})")
        deadline, before = time.monotonic() + STILL, b""
        while (now := self.page.screenshot(full_page=whole)) != before and time.monotonic() < deadline:
            before = now
            self.page.wait_for_timeout(100)
        (KEPT / f"{name}.png").write_bytes(now)


@contextmanager
def browser(url: str, profile: Path) -> Iterator[Ui]:
    """Opens a window that sees the server, and nothing else.

    Args:
        url: Where the server is.
        profile: An empty folder for what the browser keeps.
    """
    with sync_playwright() as playwright:
        window = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=list(ARGUMENTS), viewport={"width": 1400, "height": 1000}
        )
        page = window.pages[0] if window.pages else window.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        ui = Ui(page, url)

        def only_here(route: Route) -> None:
            if route.request.url.startswith((url, "data:", "blob:")):
                route.continue_()
                return
            route.abort()

        def answered(response: Response) -> None:
            if response.url.startswith("http"):
                ui.servers.add("{0.scheme}://{0.netloc}".format(urlsplit(response.url)))

        window.route("**/*", only_here)
        window.on("response", answered)
        try:
            yield ui
        finally:
            window.close()
