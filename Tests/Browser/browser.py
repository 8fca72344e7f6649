"""A headless Chromium, driven over its DevTools pipe: two file descriptors and JSON, no library."""

import itertools
import json
import os
import select
import subprocess
import tempfile
import time


class Failed(RuntimeError):
    """What the browser refused, or did not answer in time."""


class Browser:
    """A browser with one page; a context manager that leaves nothing behind."""

    def __init__(self, program: str):
        self.profile = tempfile.TemporaryDirectory(prefix="vfioplan-browser-")
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        # The pipe is descriptors 3 and 4, whatever the numbers are here.
        script = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", script, program, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.numbers = itertools.count(1)
        self.buffer = b""
        self.events: list[dict] = []
        self.session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self.session = self.call(
            "Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        self.resize(1280, 800)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.output)
        os.close(self.input)
        time.sleep(0.2)
        try:
            self.profile.cleanup()
        except OSError:  # A helper process that still writes; the directory is temporary.
            pass

    def call(self, method: str, **parameters) -> dict:
        """Asks for something and waits for the answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next(60)
            if answer.get("id") == number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def next(self, seconds: float) -> dict:
        """The next message."""
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            if not select.select([self.input], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed(f"the browser said nothing for {seconds} s")
            piece = os.read(self.input, 1 << 20)
            if not piece:
                raise Failed("the browser ended")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def wait(self, event: str, seconds: float = 60) -> dict:
        """Waits for an event that has not been waited for yet."""
        end = time.monotonic() + seconds
        while True:
            for index, known in enumerate(self.events):
                if known.get("method") == event:
                    return self.events.pop(index)
            self.events.append(self.next(end - time.monotonic()))

    def open(self, path) -> None:
        """Opens a file, and waits until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=f"file://{path}")
        self.wait("Page.loadEventFired")

    def evaluate(self, expression: str):
        """What an expression comes to in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Gives the page a size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """Prefers `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name}])

    def press(self, key: str, code: int) -> None:
        """Presses a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Types a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def complaints(self) -> list[str]:
        """What the page did that a page should not: errors, dialogs, requests but for itself."""
        said = []
        for event in self.events:
            method, body = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                said.append("exception: " + body["exceptionDetails"]["text"])
            elif method == "Log.entryAdded":
                said.append("log: " + body["entry"]["text"])
            elif method == "Page.javascriptDialogOpening":
                said.append("dialog: " + body["message"])
            elif method == "Network.requestWillBeSent" and body.get("type") != "Document":
                said.append("request: " + body["request"]["url"][:100])
        return said
