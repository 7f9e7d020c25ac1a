"""Reports in a real browser: every chart is drawn, its marks and tables are the result files' numbers, nothing is
fetched. ctest names the executable in ATTNGUARD and keeps the screenshots in ATTNGUARD_SCREENSHOTS."""

import csv
import json
import os
import pathlib
import re
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
        cls.other = cls.make("campaign", {**CONFIG, "seed": 7}, "other")
        cls.run_folder = cls.make("run", CONFIG)
        grid = {"accelerator.array.rows": [2, 4], "accelerator.array.cols": [2, 4], "workload.head_dim": [4, 8]}
        linked = [["accelerator.array.rows", "accelerator.array.cols"]]
        cls.sweep = cls.make("sweep", {**CONFIG, "sweep": {"grid": grid, "linked": linked, "mode": "campaign"}})
        for folder in [cls.campaign, cls.sweep]:
            cls.done("report", folder)

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

    def choose(self, chart, option):
        """Chooses an option of the chart's list that has it."""
        self.browser.script(
            """const list = [...document.querySelectorAll(`#${arguments[0]} select`)].find(
                 select => [...select.options].some(option => option.value === arguments[1]));
               list.value = arguments[1];
               list.dispatchEvent(new Event('change'));""", chart, option)
        self.browser.settle()

    def attributes(self, chart, mark, name):
        return self.browser.script(
            """return [...document.querySelectorAll(`#${arguments[0]} svg .${arguments[1]} > *`)].map(
                 node => node.getAttribute(arguments[2]))""", chart, mark, name)

    def drawn(self, chart, mark, name):
        """[[datum, attribute]] of a mark's nodes."""
        return self.browser.script(
            """return [...document.querySelectorAll(`#${arguments[0]} svg .${arguments[1]} > *`)].map(
                 node => [node.__data__.datum, node.getAttribute(arguments[2])])""", chart, mark, name)

    def data(self, chart, name):
        return self.browser.script(
            "return document.querySelector(`#${arguments[0]} .chart`).view.data(arguments[1])", chart, name)

    def test_latency_is_that_of_the_csv(self):
        self.browser.open(self.campaign / "report.html")
        rows = read_csv(self.campaign / "latency.csv")
        for faults in ["total", "total_sram"]:
            wanted = [row for row in rows if row["site_class"] == faults]
            self.assertGreater(len(wanted), 2)
            if faults != "total":
                self.choose("transient-latency", faults)
            self.assertEqual(self.marks("transient-latency", "incidence_point"), len(wanted))
            xs = self.scale("transient-latency", "x", [float(row["latency_cycles"]) for row in wanted])
            ys = self.scale("transient-latency", "y", [float(row["incidence"]) for row in wanted])
            for drawn, x, y in zip(self.positions("transient-latency", "incidence_point"), xs, ys):
                self.assertAlmostEqual(drawn[0], x, places=3)
                self.assertAlmostEqual(drawn[1], y, places=3)
        shown = [value for row in self.exact("transient-latency") for value in row]
        self.assertEqual(shown, [row["incidence"] for row in rows])

    def places(self, place_of):
        """{place: [weight, dangerous weight, {checker: undetected weight}, faults, dangerous]} of the datapath's faults."""
        places = {}
        for row in read_csv(self.campaign / "injections.csv"):
            place = place_of(row) if row["domain"] == "function" else None
            if place is None:
                continue
            entry = places.setdefault(place, [0, 0, dict.fromkeys(CONFIG["checkers"], 0), 0, 0])
            dangerous = row["effect"] in ("sdc", "hang", "crash")
            entry[0] += float(row["weight"])
            entry[1] += float(row["weight"]) * dangerous
            for checker in CONFIG["checkers"]:
                entry[2][checker] += float(row["weight"]) * (row[checker + ".verdict"] == "undetected")
            entry[3] += 1
            entry[4] += dangerous
        return places

    def check_map(self, chart, places, checker, place_of_cell):
        """Cells drawn and their shades; `places` as above."""
        cells = {place_of_cell(cell): cell for cell in self.data(chart, "shown")}
        self.assertEqual(set(cells), set(places))
        dangerous = {place: entry for place, entry in places.items() if entry[1] > 0}
        self.assertGreater(len(dangerous), 1)
        for mark, share, shown in [("dangerous_cell", lambda entry: entry[1] / entry[0], places),
                                   ("missed_cell", lambda entry: entry[2][checker] / entry[1], dangerous)]:
            self.assertEqual(self.marks(chart, mark), len(shown))
            shades = {place_of_cell(cell): float(shade or 1) for cell, shade in self.drawn(chart, mark, "fill-opacity")}
            self.assertEqual(set(shades), set(shown))
            for place, shade in shades.items():
                self.assertAlmostEqual(shade, share(places[place]), delta=1e-4)
        for place, cell in cells.items():
            self.assertEqual([cell["faults"], cell["dangerous"]], places[place][3:])

    def test_array_map_is_that_of_the_injections(self):
        self.browser.open(self.campaign / "report.html")

        def element(row):
            site = re.fullmatch(r"array\.pe\[(\d+)\]\[(\d+)\]\.(\w+)", row["site"])
            return (int(site[1]), int(site[2]), site[3]) if site else None

        def at(cell):
            return (cell["y"], cell["x"])

        everywhere = self.places(lambda row: element(row) and element(row)[:2])
        self.assertEqual(len(everywhere), 8, "a 4 × 2 array")
        self.check_map("transient-array-map", everywhere, "merged", at)
        self.choose("transient-array-map", "acc")
        self.choose("transient-array-map", "two_check")
        accumulators = self.places(lambda row: element(row)[:2] if element(row) and element(row)[2] == "acc" else None)
        self.check_map("transient-array-map", accumulators, "two_check", at)
        counts = self.browser.script(
            """return [...document.querySelectorAll('#transient-array-map tbody tr')].map(
                 row => [...row.querySelectorAll('td')].map(cell => Number(cell.textContent)))""")
        self.assertEqual(counts, [[*place, *everywhere[place][3:], *counts[i][4:]] for i, place in enumerate(sorted(everywhere))])

    def test_bit_map_is_that_of_the_injections(self):
        self.browser.open(self.campaign / "report.html")
        lane_bits = {"array_to_softmax": 32, "softmax_to_accumulator": 32, "array_to_accumulator": 32}

        def bit(row):
            link = re.fullmatch(r"link\.(\w+)\.data", row["site_class"])
            lane = lane_bits.get(link[1], 16) if link else 64
            return (row["site_class"], int(row["bit"]) % lane)

        self.check_map("transient-bit-map", self.places(bit), "merged", lambda cell: (cell["y"], cell["x"]))

    def test_thresholds_are_those_of_roc(self):
        roc = self.scratch / "roc"
        self.done("roc", self.campaign, "--out", roc, "--quiet")
        rows = [row for row in read_csv(roc / "roc.csv") if row["comparison"] == "any"]
        known = {(row["checker"], row["site_class"], float(row["factor"]), float(row["coverage"]), int(row["check_alarms"]),
                  int(row["checks"])) for row in rows}
        self.browser.open(self.campaign / "report.html")
        points = self.data("transient-roc", "roc")
        drawn = {(point["checker"], point["faults"], point["factor"], point["coverage"], point["alarms"], point["checks"])
                 for point in points}
        self.assertGreater(len(drawn), 50)
        self.assertLessEqual(drawn, known)
        # Every corner of the curve is there: nothing left out is far from what is drawn.
        for checker, total, _, coverage, alarms, checks in known:
            near = [point for point in drawn if point[:2] == (checker, total) and
                    (abs(point[3] - coverage) < 0.01 or alarms == 0) and abs(point[4] - alarms) <= 0.03 * checks]
            self.assertTrue(near, (checker, total, coverage, alarms))
        configured = [row for row in rows if row["factor"] == "1" and row["site_class"] == "total"]
        self.assertEqual(self.marks("transient-roc", "configured_point"), len(configured))
        self.assertEqual(self.marks("transient-roc", "roc_line"), len(configured))
        wanted = self.scale("transient-roc", "y", [float(row["coverage"]) for row in configured])
        for (_, y), value in zip(self.positions("transient-roc", "configured_point"), wanted):
            self.assertAlmostEqual(y, value, places=3)

    def test_reads_an_earlier_roc_instead_of_computing_it(self):
        folder = self.scratch / "with_roc"
        shutil.copytree(self.campaign, folder)
        self.done("report", folder, "--force")
        computed = (folder / "report.html").read_bytes()
        self.done("roc", folder, "--quiet")
        self.done("report", folder, "--force")
        self.assertEqual((folder / "report.html").read_bytes(), computed)
        header = folder / "roc" / "roc.json"
        header.write_text(header.read_text(encoding="utf-8").replace('"config_sha256": "', '"config_sha256": "0'), encoding="utf-8")
        self.refused("of another campaign", folder, "--force")

    def test_price_is_that_of_a_run(self):
        self.browser.open(self.campaign / "report.html")
        cost = json.loads((self.run_folder / "run.json").read_text(encoding="utf-8"))["cost"]["checkers"]
        coverage = {row["checker"]: float(row["coverage"]) for row in self.coverage_rows(True) if row["site_class"] == "total"}
        for price in ["area", "energy"]:
            if price == "energy":
                self.choose("transient-pareto", price)
            offers = {checker: (cost[checker][price + "_overhead_pct"], coverage[checker]) for checker in coverage}
            shown = self.data("transient-pareto", "shown")
            self.assertEqual({offer["name"]: (offer["cost"], offer["coverage"]) for offer in shown}, offers)
            self.assertEqual(self.marks("transient-pareto", "offer_point"), len(offers))
            for offer in shown:
                beaten = any(other[0] <= offer["cost"] and other[1] >= offer["coverage"] and
                             other != (offer["cost"], offer["coverage"]) for other in offers.values())
                self.assertEqual(offer["best"], not beaten, offer["name"])

    def check_units(self, chart, run):
        """Bars as long as the cycles of run.json."""
        busy = [unit["busy_cycles"] for unit in run["units"].values() if unit["busy_cycles"]]
        stalls = [count for unit in run["units"].values() for count in unit["stall_cycles"].values() if count]
        pixels = self.scale(chart, "x", [run["cycles"]])[0] / run["cycles"]
        for mark, cycles in [("busy_bar", busy), ("stall_bar", stalls)]:
            self.assertEqual(self.marks(chart, mark), len(cycles))
            widths = [float(re.search(r"h(-?[\d.]+)", path)[1]) for path in self.attributes(chart, mark, "d")]
            for width, count in zip(widths, cycles):
                self.assertAlmostEqual(width, count * pixels, places=2)

    def test_units_and_timeline_of_a_run(self):
        folder = self.scratch / "timed"
        shutil.copytree(self.run_folder, folder)
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        run["roofline"] = {"bound": "memory", "attainable_macs_per_cycle": 7.25, "achieved_macs_per_cycle": 4.5}
        run["expected"] = {"max_error_over_max_abs": 0.002781}
        (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
        self.done("report", folder)
        self.browser.open(folder / "report.html")
        self.check_units("units", run)
        shown = self.browser.script("return [...document.querySelectorAll('#summary tbody tr')].map(row => row.textContent)")
        self.assertIn("largest error ÷ largest expected value0.00278", shown)
        self.assertIn("bound bymemory", shown)
        self.assertIn("achieved_macs_per_cycle4.5", shown)
        self.assertEqual(self.browser.script("return document.querySelectorAll('#timeline').length"), 0)

        def span(track, category, cycle, cycles):
            return {"ph": "X", "pid": 1, "tid": track, "name": category, "cat": category, "ts": cycle / 500, "dur": cycles / 500,
                    "args": {"cycle": cycle, "cycles": cycles, "reason": "load"}}

        names = [{"ph": "M", "pid": 1, "tid": i, "name": "thread_name", "args": {"name": name}}
                 for i, name in enumerate(["array", "softmax"])]
        events = [span(0, "stall", 0, 10), span(0, "busy", 10, 30), span(1, "stall", 0, 25), span(1, "busy", 25, 15),
                  {"ph": "i", "pid": 1, "tid": 0, "name": "fault injected", "cat": "fault", "ts": 0.04, "args": {"cycle": 20}},
                  {"ph": "i", "pid": 1, "tid": 0, "name": "alarm merged", "cat": "alarm", "ts": 0.07, "args": {"cycle": 35}}]
        timeline = folder / "timeline.json"
        timeline.write_text(json.dumps({"traceEvents": names + events}), encoding="utf-8")
        self.done("report", folder, "--force")
        self.browser.open(folder / "report.html")
        self.assertEqual([self.marks("timeline", mark) for mark in ["busy_span", "stall_span", "event_line"]], [2, 2, 2])
        x = self.scale("timeline", "x", [20, 35])
        self.assertEqual([position[0] for position in self.positions("timeline", "event_line")], x)

        # Many events: slices whose shares add up to the busy cycles, and a stretch event by event.
        many = [span(0, "busy" if i % 3 else "stall", 5 * i, 5) for i in range(6000)]
        timeline.write_text(json.dumps({"traceEvents": names + many + events[4:]}), encoding="utf-8")
        self.done("report", folder, "--force")
        self.browser.open(folder / "report.html")
        slices = self.data("timeline", "spans")
        self.assertLessEqual(len(slices), 500)
        self.assertAlmostEqual(sum(s["busy"] * (s["to"] - s["from"]) for s in slices), 20000, delta=600, msg="shares are told in steps of 5 %")
        stretch = self.data("timeline-stretch", "spans")
        self.assertTrue(all(s["to"] - s["from"] == 5 for s in stretch))
        self.assertEqual(self.marks("timeline-stretch", "busy_span"), sum(s["busy"] for s in stretch))
        timeline.write_text('{"traceEvents": [{"ph": "X"}]}', encoding="utf-8")
        self.refused("timeline.json", folder, "--force")

    def test_sweep_is_that_of_the_csv(self):
        self.browser.open(self.sweep / "report.html")
        rows = read_csv(self.sweep / "sweep.csv")
        self.assertEqual(len(rows), 4)
        for chart, column, factor in [("cycles", "cycles", 1), ("utilization", "utilization", 100),
                                      ("energy", "energy_accelerator_pj", 1e-6)]:
            self.assertEqual(self.marks(chart, "value_point"), 4)
            self.assertEqual(self.marks(chart, "point_line"), 2, "one per head_dim")
            wanted = sorted(self.scale(chart, "y", [factor * float(row[column]) for row in rows]))
            for (_, y), value in zip(sorted(self.positions(chart, "value_point"), key=lambda at: at[1]), wanted):
                self.assertAlmostEqual(y, value, places=3)
            self.assertEqual([row[0] for row in self.exact(chart)], [row[column] for row in rows])
        domain = self.browser.script("return document.querySelector('#cycles .chart').view.scale('x').domain()")
        self.assertEqual(domain, ["2 × 2", "4 × 4"])
        checkers = list(CONFIG["checkers"])
        for head_dim in ["4", "8"]:
            if head_dim == "8":
                self.choose("coverage", "head_dim 8")
            shown = self.data("coverage", "shown")
            wanted = {(f"{row['accelerator.array.rows']} × {row['accelerator.array.cols']}", checker, float(row[checker + ".coverage"]))
                      for row in rows if row["workload.head_dim"] == head_dim for checker in checkers}
            self.assertEqual({(point["x"], point["series"], point["value"]) for point in shown}, wanted)
            self.assertEqual(self.marks("coverage", "value_point"), len(wanted))
        self.assertEqual(self.marks("pareto", "offer_point"), 4 * len(checkers))

    def test_compares_results(self):
        page = self.scratch / "compared.html"
        self.done("report", self.campaign, self.other, self.run_folder, self.sweep, "--out", page)
        self.browser.open(page)
        self.browser.screenshot(self.screenshots / "comparison-desktop.png")
        chart = "compared-transient-coverage"
        wanted = []
        for checker in CONFIG["checkers"]:
            for folder in [self.campaign, self.other]:
                wanted += [row["coverage"] for row in read_csv(folder / "coverage.csv")
                           if row["checker"] == checker and row["site_class"] == "total" and float(row["tolerance"]) == 0.01]
        self.assertEqual([value for row in self.exact(chart) for value in row], wanted)
        self.assertEqual(self.marks(chart, "coverage_point"), len(wanted))
        self.assertEqual(self.marks("compared-transient-pareto", "offer_point"), len(wanted))
        ids = self.browser.script("return [...document.querySelectorAll('[id]')].map(node => node.id)")
        self.assertEqual(len(ids), len(set(ids)))
        targets = self.browser.script("return [...document.querySelectorAll('nav a')].map(link => link.hash.slice(1))")
        self.assertLessEqual(set(targets), set(ids))

    def test_says_so_when_the_fault_free_run_cannot_be_made_again(self):
        folder = self.scratch / "changed"
        shutil.copytree(self.campaign, folder)
        config = folder / "config.json"
        config.write_text(config.read_text(encoding="utf-8").replace('"seed": 1', '"seed": 2'), encoding="utf-8")
        self.done("report", folder, "--force")
        self.browser.open(folder / "report.html")
        warning = self.browser.script("return document.querySelector('.warning:not(noscript *)').textContent")
        self.assertIn("not the inputs of summary.json", warning)
        self.assertEqual(self.browser.script("return document.querySelectorAll('#transient-roc, #transient-pareto').length"), 0)
        self.check_coverage("transient-total-coverage", True)

    def test_fits_a_changed_window_and_keeps_the_choice(self):
        self.browser.open(self.campaign / "report.html")
        self.choose("transient-latency", "total_sram")
        points = self.marks("transient-latency", "incidence_point")
        self.browser.resize(PHONE)
        widest = self.browser.script(
            "return Math.max(...[...document.querySelectorAll('.chart svg')].map(svg => svg.getBoundingClientRect().right))")
        self.assertLessEqual(widest, PHONE)
        self.assertEqual(self.marks("transient-latency", "incidence_point"), points)
        self.assertEqual(self.browser.script("return document.querySelectorAll('#transient-latency select').length"), 1)

    def test_prints(self):
        self.browser.open(self.campaign / "report.html", media="print")
        hidden = "return ['nav', '.controls'].map(name => getComputedStyle(document.querySelector(name)).display)"
        self.assertEqual(self.browser.script(hidden), ["none", "none"])
        file = self.screenshots / "campaign.pdf"
        self.browser.print(file)
        self.assertEqual(file.read_bytes()[:5], b"%PDF-")

    def test_fits_desktop_and_phone_light_and_dark(self):
        bright = [("desktop", DESKTOP, False), ("phone", PHONE, False)]
        for folder, looks in [(self.campaign, bright + [("dark", DESKTOP, True)]), (self.sweep, bright)]:
            for name, width, dark in looks:
                self.browser.open(folder / "report.html", width=width, dark=dark)
                self.browser.screenshot(self.screenshots / f"{folder.name}-{name}.png")
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
                 !figure.querySelector('.chart [role=img][aria-label] svg') || !figure.querySelector('figcaption').textContent ||
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
        self.refused(f"--out {empty}: is a folder; the name of a file", self.campaign, "--out", empty)
        self.refused("its folder does not exist", self.campaign, "--out", self.scratch / "nowhere" / "x.html")
        self.assertEqual(notes.read_text(encoding="utf-8"), "mine")
        self.assertEqual(list(empty.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
