"""A headless Chromium driven over the WebDriver protocol, with nothing but Python's standard library."""

import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request

_ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
_START_SECONDS = 40
_DRAW_SECONDS = 30


class Browser:
    """One page at a time. Every page opened is checked: nothing on the console, nothing fetched."""

    def __init__(self):
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        self._address = f"http://127.0.0.1:{self._port()}"
        capabilities = {
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"args": _ARGUMENTS},
        }
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{answer['sessionId']}"

    def _port(self):
        for line in self._driver.stdout:
            started = re.search(r"started successfully on port (\d+)", line)
            if started:
                return int(started.group(1))
        raise RuntimeError("chromedriver did not start")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_START_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    def command(self, name, **parameters):
        """A command of the DevTools protocol."""
        return self._call("POST", self._session + "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def script(self, text, *arguments):
        """The value that `text`, the body of a function, returns."""
        return self._call("POST", self._session + "/execute/sync", {"script": text, "args": arguments})

    def open(self, file, width=1280, dark=False, media=""):
        """Loads the page and waits until every chart is drawn. `width` in CSS pixels; below 600 a phone."""
        self._set_width(width)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._log("browser")
        self._log("performance")
        address = file.resolve().as_uri()
        self._call("POST", self._session + "/url", {"url": address})
        self.settle()
        messages = self._log("browser")
        assert not messages, messages
        requests = [
            event["params"]["request"]["url"]
            for event in (json.loads(entry["message"])["message"] for entry in self._log("performance"))
            if event["method"] == "Network.requestWillBeSent"
        ]
        assert requests == [address], requests

    def _set_width(self, width):
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)

    def resize(self, width):
        """Gives the open page another width."""
        self._set_width(width)
        self.settle()

    def settle(self):
        """Waits until every chart has been drawn as the window now is."""
        drawn = """return [...document.querySelectorAll('.chart')].every(c => c.view && c.querySelector('svg g.mark-group'))"""
        end = time.monotonic() + _DRAW_SECONDS
        while not self.script(drawn):
            assert time.monotonic() < end, "charts not drawn: " + str(self._log("browser"))
            time.sleep(0.05)
        views = """const done = arguments[0];
            requestAnimationFrame(() => requestAnimationFrame(() =>
              Promise.all([...document.querySelectorAll('.chart')].map(c => c.view.runAsync())).then(() => done(true))));"""
        self._call("POST", self._session + "/execute/async", {"script": views, "args": []})

    def _log(self, kind):
        return self._call("POST", self._session + "/se/log", {"type": kind})

    def screenshot(self, file):
        """The whole page."""
        width, height = self.script(
            "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def print(self, file):
        file.write_bytes(base64.b64decode(self.command("Page.printToPDF")["data"]))

    def close(self):
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait()
            self._driver.stdout.close()
