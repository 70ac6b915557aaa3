"""Drives a headless Chromium by the DevTools protocol, over a pipe: nothing listens on a port.

Reads a list of steps as JSON from standard input and writes the answers of those that ask. Nothing
waits for a time: a step ends when the page has drawn twice after it.
"""

import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

READY = """new Promise(done => {
    const look = () => document.documentElement.dataset.ready !== undefined
        || document.querySelector("[role=alert]") ? done() : requestAnimationFrame(look);
    look();
})"""
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
# The steps that ask.
ANSWERS = ["ask", "pages", "roles", "messages"]
KEYS = {"ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35,
        "Enter": 13, "Escape": 27, "Tab": 9, "PageDown": 34}


class Browser:
    def __init__(self, home):
        read, self.write = os.pipe()
        self.read, write = os.pipe()
        # Containers have little or no /dev/shm.
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--remote-debugging-pipe",
                   f"--user-data-dir={home}", "--no-first-run", "--window-size=1200,900"]
        # The protocol is on descriptors 3 and 4.
        redirected = ["sh", "-c", f'exec "$@" 3<&{read} 4>&{write}', "sh", *command]
        self.process = subprocess.Popen(
            redirected, pass_fds=(read, write), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read)
        os.close(write)
        self.number, self.buffer, self.events, self.session = 0, b"", [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Log"]:
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.buffer:
            more = os.read(self.read, 1 << 20)
            if not more:
                raise EOFError("the browser is gone")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def js(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def ask(self, expression):
        return self.js(expression)

    def open(self, page, fragment=""):
        before = len(self.events)
        self.call("Page.navigate", url=pathlib.Path(page).absolute().as_uri() + fragment)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events[before:]):
            self.events.append(self.message())
        self.js(READY)

    def place(self, selector):
        """Where an element is, after it was scrolled into sight."""
        return self.js(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: "center", behavior: "instant" }});
            const {{ x, y, width, height }} = element.getBoundingClientRect();
            return [x, y, width, height];
        }})()""")

    def mouse(self, kind, x, y, count=1):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                  buttons=0 if kind == "mouseReleased" else 1, clickCount=count)

    def click(self, selector):
        x, y, width, height = self.place(selector)
        for kind in ["mousePressed", "mouseReleased"]:
            self.mouse(kind, x + width / 2, y + height / 2)

    def drag(self, selector, start, end, down):
        """Drags from one part of an element's width to another, `down` pixels below its top."""
        x, y, width, _ = self.place(selector)
        self.mouse("mousePressed", x + width * start, y + down)
        self.mouse("mouseMoved", x + width * (start + end) / 2, y + down)
        self.mouse("mouseMoved", x + width * end, y + down)
        self.mouse("mouseReleased", x + width * end, y + down)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def key(self, key):
        code = KEYS.get(key, ord(key[0].upper()))
        text = {} if len(key) > 1 else {"text": key}
        if key == "Enter":
            text = {"text": "\r"}
        about = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def window(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def media(self, medium, scheme="light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)

    def pages(self):
        """How many pages it prints."""
        pdf = base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
        return len(re.findall(rb"/Type\s*/Page\b", pdf))

    def roles(self):
        """The roles that a screen reader finds, and how many of each have a name."""
        found = {}
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value", "")
            count = found.setdefault(role, [0, 0])
            count[0] += 1
            count[1] += bool(node.get("name", {}).get("value"))
        return found

    def messages(self):
        """What the browser complained of."""
        texts = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Log.entryAdded":
                texts.append(params["entry"]["text"])
            elif event.get("method") == "Runtime.exceptionThrown":
                texts.append(str(params["exceptionDetails"]))
        return texts


def hangs(*_):
    raise TimeoutError("the browser hangs")


def main():
    # If the browser hangs, the test fails and nothing is left over.
    signal.alarm(95)
    signal.signal(signal.SIGALRM, hangs)
    results = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(home)
        try:
            for name, *arguments in json.load(sys.stdin):
                result = getattr(browser, name)(*arguments)
                if name in ANSWERS:
                    results.append(result)
                browser.js(DRAWN)
        finally:
            os.killpg(browser.process.pid, signal.SIGKILL)
            browser.process.wait()
    json.dump(results, sys.stdout)


main()
