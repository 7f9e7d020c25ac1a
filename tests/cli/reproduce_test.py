#!/usr/bin/env python3
"""docs/reproduce.md lists every page and every item of scripts/reproduce.py; quick items come out; a wrong row is found."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import reproduce  # noqa: E402  (after the path is set)

PAGE = (ROOT / "docs/reproduce.md").read_text(encoding="utf-8")
FOLDERS_WITH_FIGURES = ("README.md", "bench/README.md", "models/numerics/README.md", "tests/oracle/README.md", "traces/examples/README.md",
                        "configs/tensors/README.md")
TABLE = re.findall(r"^\| `(\w+)` \| ([^|]*) \| [^|]* \| (rows compared|depends on the machine)[^|]*\| ?(yes)? ?\|[^|]*\|$", PAGE, re.M)


class Reproduce(unittest.TestCase):
    def test_every_page_is_listed(self):
        plain = PAGE[PAGE.index("Pages without measured tables"):]
        for page in [*ROOT.glob("docs/*.md"), *(ROOT / name for name in FOLDERS_WITH_FIGURES)]:
            if page.name == "reproduce.md":
                continue
            name = str(page.relative_to(ROOT / "docs")) if page.parent.name == "docs" else "../" + str(page.relative_to(ROOT))
            self.assertTrue(re.search(rf"\({re.escape(name)}[#)]", PAGE), f"docs/reproduce.md does not mention {name}")
            if f"({name})" in plain:  # measured figures carry their date
                self.assertNotRegex(page.read_text(encoding="utf-8"), r"\b20\d\d-\d\d-\d\d\b", f"{name} has measured figures")

    def test_page_and_script_have_the_same_items(self):
        self.assertEqual([(name, must, bool(quick)) for name, _, must, quick in TABLE],
                         [(name, must, quick) for name, (_, must, quick, _) in reproduce.ITEMS.items()])
        for name, links, _, _ in TABLE:
            for page in reproduce.ITEMS[name][0]:
                self.assertTrue((ROOT / page).exists(), page)
                self.assertIn(page.removeprefix("docs/").removesuffix("/README.md"), links)

    def test_quick_items_come_out_and_a_wrong_row_is_found(self):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, str(ROOT / "scripts/reproduce.py"), "--out", out, "--quick"]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            summary = done.stdout[done.stdout.index("\nitem "):]
            self.assertEqual(re.findall(r"^(\w+) +(\d+ of \d+) +\d+ +\d+$", summary, re.M),
                             [("first_run", "9 of 9"), ("demo", "11 of 11"), ("timing", "4 of 4")], done.stdout)
            # The same with another executable: one whose arrays are all a row higher.
            tool = Path(out) / "attnguard"
            tool.write_text(f'#!/bin/sh\nexec "{os.environ["ATTNGUARD"]}" "$@" --set accelerator.array.rows=17\n', encoding="utf-8")
            tool.chmod(0o755)
            done = subprocess.run([*command[:-1], "timing"], capture_output=True, text=True, env={**os.environ, "ATTNGUARD": str(tool)})
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("  not in docs/timing.md: | 64³, 8 × 8 | 64 | ", done.stdout)
            self.assertRegex(done.stdout, r"\ntiming +0 of 4 ")
            # And with one that fails: its line is shown, the other items are still made.
            tool.write_text('#!/bin/sh\necho "broken: no tool" >&2; exit 2\n', encoding="utf-8")
            done = subprocess.run([*command[:-1], "timing", "first_run"], capture_output=True, text=True, env={**os.environ, "ATTNGUARD": str(tool)})
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("broken: no tool", done.stdout)
            self.assertRegex(done.stdout, r"\ntiming +failed ")

    def test_a_line_of_a_table_counts_only_whole(self):
        page = ROOT / "docs/timing.md"
        row = next(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| 64³, 8 × 8 |"))
        self.assertEqual(reproduce.missing([row, "an index of the last cycle", "| 64 | 4 992 |"], ["docs/timing.md"]),
                         ["an index of the last cycle", "| 64 | 4 992 |"])
        self.assertIn("the *index* of\nthe last cycle", page.read_text(encoding="utf-8"))
        self.assertEqual(reproduce.missing(["the *index* of the last cycle"], ["docs/timing.md"]), [])

    def test_example_results_are_those_of_this_version(self):
        examples = ROOT / "traces/examples"
        commands = re.findall(r"^\| `(.*?)` \| `attnguard (.*?)`", (examples / "README.md").read_text(encoding="utf-8"), re.M)
        self.assertEqual(sorted(name for name, _ in commands), sorted(p.name for p in examples.iterdir() if p.is_dir()))
        with tempfile.TemporaryDirectory() as out:
            for name, command in commands:
                subprocess.run([os.environ["ATTNGUARD"], *command.split(), "--quiet", "--out", f"{out}/{name}"], cwd=ROOT, check=True)
                made = {p.name for p in Path(out, name).iterdir()} - {"output.npy"}
                self.assertEqual({p.name for p in (examples / name).iterdir()}, made)
                for file in sorted(made - {"timing.json"}):
                    self.assertEqual(*(without_place((folder / name / file).read_bytes()) for folder in (examples, Path(out))), f"{name}/{file}")


def without_place(contents):
    """Of a result file: without the commit of the tool and the way from the result to the tensors."""
    return re.sub(rb'"git": "[^"]*"|"(\.\./)+([^"/]+/)*configs/', b"", contents)


if __name__ == "__main__":
    unittest.main()
