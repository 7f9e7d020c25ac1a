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
TABLE = re.findall(r"^\| `(\w+)` \| (.*?) \| .* \| (rows compared|same figures|depends on the machine).*\| (yes)? ?\|$", PAGE, re.M)


class Reproduce(unittest.TestCase):
    def test_every_page_is_listed(self):
        plain = PAGE[PAGE.index("Pages without measured tables"):]
        for page in [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "bench/README.md"]:
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
            page = reproduce.ITEMS[name][0]
            self.assertTrue((ROOT / page).exists(), page)
            self.assertIn(page.removeprefix("docs/").removesuffix("/README.md"), links)

    def test_quick_items_come_out_and_a_wrong_row_is_found(self):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, str(ROOT / "scripts/reproduce.py"), "--out", out, "--quick"]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stdout.count(" rows are those of "), 3, done.stdout)
            # The same with another executable: one whose arrays are all a row higher.
            tool = Path(out) / "attnguard"
            tool.write_text(f'#!/bin/sh\nexec "{os.environ["ATTNGUARD"]}" "$@" --set accelerator.array.rows=17\n', encoding="utf-8")
            tool.chmod(0o755)
            done = subprocess.run([*command[:-1], "timing"], capture_output=True, text=True, env={**os.environ, "ATTNGUARD": str(tool)})
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("timing: 0 of 4 rows are those of docs/timing.md\n  not there: | 64³, 8 × 8 | 64 | ", done.stdout)


if __name__ == "__main__":
    unittest.main()
