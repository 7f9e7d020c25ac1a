"""Reports in a real browser: every chart is drawn, its marks and tables are the result files' numbers, nothing is
fetched. ctest names the executable in ATTNGUARD and keeps the screenshots in ATTNGUARD_SCREENSHOTS."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from browser import Browser

DESKTOP, PHONE = 1280, 390

CONFIG = {
    "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
    "checkers": {
        "merged": {"kind": "flash_abft"},
        "hardened": {"kind": "flash_abft", "softmax_scalars": "duplicated", "score_check": True},
        "two_check": {"kind": "matmul_abft"},
    },
    "workload": {"kind": "attention", "heads": 2, "kv_heads": 1, "tokens_q": 6, "tokens_k": 6, "head_dim": 4},
    "campaign": {"injections": 1500},
}


def attnguard(*arguments):
    command = [os.environ["ATTNGUARD"], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read_csv(file):
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        cls.screenshots = pathlib.Path(os.environ["ATTNGUARD_SCREENSHOTS"])
        cls.screenshots.mkdir(parents=True, exist_ok=True)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.campaign = cls.make("campaign", CONFIG)
        cls.done("report", cls.campaign)

    @classmethod
    def done(cls, *arguments):
        result = attnguard(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    @classmethod
    def make(cls, command, config, name=None):
        """The folder that `command` writes for a configuration."""
        folder = cls.scratch / (name or command)
        file = cls.scratch / f"{folder.name}.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        cls.done(command, file, "--out", folder, "--quiet")
        return folder

    def refused(self, message, *arguments):
        result = attnguard("report", *arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(message, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)

    def marks(self, chart, mark):
        """How many nodes a mark of a chart has in the picture."""
        return self.browser.script(
            "return document.querySelectorAll(`#${arguments[0]} svg .${arguments[1]} > *`).length", chart, mark)

    def positions(self, chart, mark):
        """[[x, y]] of a symbol's nodes."""
        return self.browser.script(
            r"""return [...document.querySelectorAll(`#${arguments[0]} svg .${arguments[1]} > *`)].map(
                  node => node.getAttribute('transform').match(/translate\(([^,]+),([^)]+)\)/).slice(1).map(Number))""", chart, mark)

    def scale(self, chart, scale, values):
        """Where a chart's scale puts values, in pixels."""
        return self.browser.script(
            """const view = document.querySelector(`#${arguments[0]} .chart`).view;
               return arguments[2].map(value => view.scale(arguments[1])(value))""", chart, scale, values)

    def exact(self, chart):
        """The exact values in a figure's table, row by row."""
        return self.browser.script(
            """return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].map(
                 row => [...row.querySelectorAll('data')].map(cell => cell.value))""", chart)

    def coverage_rows(self, totals):
        return [
            row for row in read_csv(self.campaign / "coverage.csv")
            if row["domain"] == "function" and float(row["tolerance"]) == 0.01 and
            row["site_class"].startswith("total") == totals
        ]

    def check_coverage(self, chart, totals):
        rows = self.coverage_rows(totals)
        known = [row for row in rows if row["coverage"]]
        self.assertGreater(len(known), 2)
        self.assertEqual(self.marks(chart, "coverage_point"), len(known))
        self.assertEqual(self.marks(chart, "interval_line"), sum(row["ci_low"] != "" for row in rows))
        expected = self.scale(chart, "x", [float(row["coverage"]) for row in known])
        for (x, _), wanted in zip(self.positions(chart, "coverage_point"), expected):
            self.assertAlmostEqual(x, wanted, places=3)
        shown = sorted(value for row in self.exact(chart) for value in row)
        self.assertEqual(shown, sorted(row["coverage"] for row in known))

    def test_coverage_is_that_of_the_csv(self):
        self.browser.open(self.campaign / "report.html")
        self.check_coverage("transient-total-coverage", True)
        self.check_coverage("transient-site-coverage", False)

    def test_fits_desktop_and_phone_light_and_dark(self):
        for name, width, dark in [("desktop", DESKTOP, False), ("phone", PHONE, False), ("dark", DESKTOP, True)]:
            self.browser.open(self.campaign / "report.html", width=width, dark=dark)
            self.browser.screenshot(self.screenshots / f"campaign-{name}.png")
            wide = self.browser.script("return document.documentElement.scrollWidth")
            self.assertLessEqual(wide, width, name)
            clipped = self.browser.script(
                """return [...document.querySelectorAll('.chart')].filter(chart => {
                     const room = chart.getBoundingClientRect();
                     return [...chart.querySelectorAll('text')].some(text => {
                       const box = text.getBoundingClientRect();
                       return box.width > 0 && (box.left < room.left - 1 || box.right > room.right + 1);
                     });
                   }).map(chart => chart.parentElement.id)""")
            self.assertEqual(clipped, [], name)

    def test_every_chart_has_a_name_a_caption_and_a_table(self):
        self.browser.open(self.campaign / "report.html")
        lacking = self.browser.script(
            """return [...document.querySelectorAll('figure')].filter(figure =>
                 !figure.querySelector('.chart[role=img][aria-label]') || !figure.querySelector('figcaption').textContent ||
                 figure.querySelectorAll('details table tbody tr').length === 0).map(figure => figure.id)""")
        self.assertEqual(lacking, [])

    def test_no_name_breaks_out_of_its_place(self):
        hostile = "</script><b onclick=x>'&\\u0041"
        folder = self.scratch / "<i>" / "script><img src=x>"
        shutil.copytree(self.campaign, folder)
        (folder / "report.html").unlink()
        for file in folder.iterdir():
            text = file.read_text(encoding="utf-8")
            name = json.dumps(hostile)[1:-1] if file.suffix == ".json" else hostile
            file.write_text(text.replace("hardened", name), encoding="utf-8")
        self.done("report", folder)
        self.browser.open(folder / "report.html")
        self.assertEqual(self.browser.script("return document.querySelectorAll('b, i, img').length"), 0)
        self.assertEqual(self.marks("transient-total-coverage", "coverage_point"), len([
            row for row in self.coverage_rows(True) if row["coverage"]]))
        domain = "return document.querySelector('#transient-total-coverage .chart').view.scale('color').domain()"
        self.assertEqual(self.browser.script(domain), ["merged", hostile, "two_check"])
        self.assertIn(hostile, self.browser.script("return document.querySelector('tbody').textContent"))

    def test_writes_the_same_page_again_and_only_with_force(self):
        page = self.campaign / "report.html"
        before = page.read_bytes()
        self.refused("exists; a new file, or --force", self.campaign)
        self.done("report", self.campaign, "--force", "--quiet")
        self.assertEqual(page.read_bytes(), before)
        other = self.scratch / "other.html"
        self.done("report", self.campaign, "--out", other)
        self.assertEqual(other.read_bytes(), before)

    def test_refuses_what_is_no_result(self):
        empty = self.scratch / "empty"
        empty.mkdir()
        self.refused("no result; a folder that", empty)
        self.refused("no folder", self.scratch / "nowhere")
        self.refused("several folders; --out FILE", self.campaign, self.campaign)
        notes = self.scratch / "notes.txt"
        notes.write_text("mine", encoding="utf-8")
        self.refused("is no report", self.campaign, "--out", notes, "--force")
        self.refused("its folder does not exist", self.campaign, "--out", self.scratch / "nowhere" / "x.html")
        self.assertEqual(notes.read_text(encoding="utf-8"), "mine")
        self.assertEqual(list(empty.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
