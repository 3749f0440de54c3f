"""The report in a real browser without a screen, in a window of any width."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).with_name("report_browser.js")
_CATCH = """<script>window.foundErrors = [];
addEventListener("error", (event) => foundErrors.push(event.message));
addEventListener("securitypolicyviolation", (event) => foundErrors.push(event.violatedDirective));
console.error = console.warn = (...what) => foundErrors.push(what.join(" "));</script>"""
# A frame, for a browser's own window cannot be as narrow as a phone.
_FRAME = """<!DOCTYPE html><body style="margin:0"><script>
addEventListener("message", (event) => {{ document.body.append(Object.assign(document.createElement("pre"),
  {{ id: "found", textContent: event.data }})); }});</script>
<iframe width="{width}" height="900" style="border:0" src="{page}"></iframe>"""


def browser() -> str | None:
    """The browser's program; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def inspect(page: Path, width: int, folder: Path) -> dict[str, Any]:
    """Open a report in a window of `width` pixels, go through it, and say what was found (see report_browser.js)."""
    text = page.read_text(encoding="utf-8")
    driven = folder / "driven.html"
    body = f"<script>{DRIVER.read_text(encoding='utf-8')}</script>\n</body>"
    driven.write_text(text.replace("<head>", f"<head>{_CATCH}", 1).replace("</body>", body), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(_FRAME.format(width=width, page=driven.name), encoding="utf-8")
    # No network, and a profile of its own.
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1300,1000", "--virtual-time-budget=20000"]
    command = [browser(), *options, "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the page said nothing:\n{done.stderr[-2000:]}"
    return json.loads(html.unescape(found[1]))
