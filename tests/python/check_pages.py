"""Opens HTML reports in Chromium and checks what only a browser can tell. Needs nothing but Python.

Usage: check_pages.py CHROMIUM FOLDER [SCREENSHOTS]

Each page of FOLDER is shown at three widths, light and dark. Every one of these is a check: no message on the console, no request
but the page itself, nothing wider than the window, no text of a picture cut off or on top of another, and text that stands out from
its background. With SCREENSHOTS, each is kept there as a PNG file. Prints `N passed, N failed`; exit code 1 if one failed.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = (400, 800, 1400)
SCHEMES = ("light", "dark")
HEIGHT = 900

# The most that parts of text may overlap, in pixels: the height of a line has room above and below its letters.
OVERLAP = 3

# What is wrong with the layout of the page, as sentences.
LAYOUT = """(() => {
    const faults = [];
    const width = document.documentElement.clientWidth;
    const over = document.documentElement.scrollWidth - width;
    if (over > 0) faults.push(`the page is ${over} px wider than the window`);
    const shown = element => element.getClientRects().length > 0;
    const short = element => element.textContent.trim().slice(0, 40);
    for (const box of document.querySelectorAll(".wide, .many, .most")) {
        if (box.scrollWidth > box.clientWidth + 1) faults.push(`a table is cut off: ${short(box)}`);
    }
    for (const svg of document.querySelectorAll(".plot > svg")) {
        const card = svg.closest("figure, section").getBoundingClientRect();
        const texts = [...svg.querySelectorAll("text")].filter(shown).map(text => [text, text.getBoundingClientRect()]);
        for (const [text, box] of texts) {
            if (box.left < card.left - 1 || box.right > card.right + 1) faults.push(`text leaves its card: ${short(text)}`);
        }
        texts.forEach(([text, a], at) => texts.slice(at + 1).forEach(([other, b]) => {
            const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            const inDot = [text, other].every(one => one.classList.contains("in-dot"));
            if (across > OVERLAP && down > OVERLAP + 2 && !inDot) {
                faults.push(`text on text: ${short(text)} | ${short(other)}`);
            }
        }));
    }
    return faults;
})()""".replace("OVERLAP", str(OVERLAP))

# Contrast of text and background as in WCAG, lowest first.
CONTRAST = """(() => {
    const light = colour => {
        const parts = colour.match(/[0-9.]+/g).slice(0, 3).map(part => part / 255);
        const [r, g, b] = parts.map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (colour !== "rgba(0, 0, 0, 0)" && colour !== "transparent") return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const ratios = [...document.querySelectorAll("body, h1, p, td, th, dt, dd, svg text:not(.in-dot)")].map(element => {
        const style = getComputedStyle(element);
        const [a, b] = [light(element instanceof SVGElement ? style.fill : style.color), light(behind(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
    return [Math.min(...ratios), getComputedStyle(document.body).backgroundColor];
})()"""

# The least that WCAG 2 allows for text of normal size.
LEAST_CONTRAST = 4.5


class Browser:
    """Chromium, controlled through a pair of pipes."""

    def __init__(self, chromium):
        self.folder = tempfile.TemporaryDirectory()
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        command = [chromium, "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                   "--disable-background-networking", "--disable-component-update", f"--user-data-dir={self.folder.name}"]
        if os.geteuid() == 0:
            # Chromium refuses its sandbox to root; the pages are our own.
            command.append("--no-sandbox")

        def connect():
            # Chromium reads from 3 and writes to 4. High numbers first: either pipe may have one of these.
            reading, writing = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(reading, 30)
            os.dup2(writing, 31)
            os.dup2(30, 3)
            os.dup2(31, 4)

        self.process = subprocess.Popen(
            command + ["about:blank"], close_fds=False, preexec_fn=connect, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.reader = os.fdopen(ours_in, "rb")
        self.writer = os.fdopen(ours_out, "wb")
        self.received = bytearray()
        self.last = 0
        self.events = []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.received:
            part = self.reader.read1(1 << 20)
            if not part:
                sys.exit("error: Chromium ended")
            self.received += part
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        while True:
            answer = self.receive()
            if answer.get("id") == self.last:
                if "error" in answer:
                    sys.exit(f"error: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        """Loads a page and returns the events until it is complete."""
        self.events = []
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())
        # What loading has started is told before this answers.
        self.value("document.fonts.ready.then(() => 1)", True)
        return self.events

    def value(self, expression, is_promise=False):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=is_promise)
        if "exceptionDetails" in result:
            sys.exit(f"error: {result['exceptionDetails']}")
        return result["result"]["value"]

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait(timeout=30)


def complaints(events, url):
    """What a page said on its console, and what it requested beside itself."""
    found = []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            found.append(f"console: {[part.get('value') for part in params['args']]}")
        if method == "Runtime.exceptionThrown":
            found.append(f"exception: {params['exceptionDetails']['text']}")
        if method == "Log.entryAdded":
            found.append(f"log: {params['entry']['text']}")
        if method == "Network.requestWillBeSent" and params["request"]["url"] != url:
            found.append(f"request: {params['request']['url']}")
    return found


def faults_of(browser, url, width, scheme, backgrounds):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=HEIGHT, deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    faults = complaints(browser.open(url), url)
    faults += browser.value(LAYOUT)
    contrast, background = browser.value(CONTRAST)
    backgrounds.setdefault(scheme, background)
    if contrast < LEAST_CONTRAST:
        faults.append(f"text of contrast {contrast:.1f}, less than {LEAST_CONTRAST}")
    if len(set(backgrounds.values())) < len(backgrounds):
        faults.append(f"light and dark have the same background, {background}")
    return faults


def screenshot(browser, path):
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 8000), "scale": 1}
    shot = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    path.write_bytes(base64.b64decode(shot["data"]))


def main(chromium, folder, screenshots):
    pages = sorted(Path(folder).resolve().glob("*.html"))
    if not pages:
        sys.exit(f"error: {folder} has no pages")
    if screenshots:
        Path(screenshots).mkdir(parents=True, exist_ok=True)
    browser = Browser(chromium)
    passed = failed = 0
    for page in pages:
        backgrounds = {}
        for scheme in SCHEMES:
            for width in WIDTHS:
                faults = faults_of(browser, page.as_uri(), width, scheme, backgrounds)
                passed, failed = (passed, failed + 1) if faults else (passed + 1, failed)
                for fault in faults:
                    print(f"FAILED {page.stem} at {width} px, {scheme}: {re.sub(chr(92) + 's+', ' ', fault)}")
                if screenshots:
                    screenshot(browser, Path(screenshots) / f"{page.stem}-{width}-{scheme}.png")
    browser.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else None)
