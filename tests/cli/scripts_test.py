#!/usr/bin/env python3
"""Every script of scripts/ prints its usage on --help, and refuses what it does not know, before anything is installed, built or run."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CONFIG = str(SCRIPTS.parent / "configs/tiny_gpt.json")
WRONG = {  # by script: arguments beside an unknown option; all wrong
    "checker_table.sh": [["many"], ["0"], ["10", "folder", "more"]],
    "campaign_rates.sh": [["short", "short"]],
    "coverage.sh": [["models"]],
    "fuzz.sh": [["many"], ["0"], ["60", "60"]],
    "reproduce.sh": [["nosuch"], ["timing", "nosuch"], [".*"], ["--out"]],
    "reproduce.py": [["nosuch"]],
    "scaling.sh": [["many"], ["0"], ["10", "10"]],
    "setup.sh": [["tests"], ["test", "test"]],
    "slurm.sh": [[], [CONFIG], ["nosuch/nosuch.json", "2"], [CONFIG, "0"]],
    "train_tiny_gpt.py": [[], ["out", "more"]],
}


class Scripts(unittest.TestCase):
    def call(self, script, arguments):
        """What it prints; fails if it calls one of the programs that install, build or run something."""
        with tempfile.TemporaryDirectory() as folder:
            for tool in ("apt-get", "cmake", "ctest", "dpkg-query", "mktemp", "sbatch", "sudo", "attnguard"):
                path = Path(folder) / tool
                path.write_text(f'#!/bin/sh\necho {tool} >> "{folder}/called"\nexit 1\n', encoding="utf-8")
                path.chmod(0o755)
            command = [sys.executable] if script.suffix == ".py" else ["bash"]
            done = subprocess.run([*command, str(script), *arguments], capture_output=True, text=True, cwd=folder, timeout=60,
                                  env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "ATTNGUARD": f"{folder}/attnguard"})
            self.assertFalse((Path(folder) / "called").exists(), f"{script.name} {arguments}: {done.stdout}{done.stderr}")
            return done

    def test_help_prints_the_usage_alone(self):
        for script in SCRIPTS.iterdir():
            for option in ("-h", "--help"):
                if script.suffix in (".sh", ".py") and script.name != "arguments.sh":
                    with self.subTest(script=script.name, option=option):
                        done = self.call(script, [option])
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        self.assertRegex(done.stdout, rf"usage: (scripts/)?{script.name}")

    def test_what_is_unknown_is_refused_in_one_line(self):
        for script in SCRIPTS.iterdir():
            for arguments in [["--nosuch"], *WRONG.get(script.name, [])]:
                if script.suffix in (".sh", ".py") and script.name != "arguments.sh":
                    with self.subTest(script=script.name, arguments=arguments):
                        done = self.call(script, arguments)
                        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                        self.assertRegex(done.stderr, rf"^{script.name.removesuffix('.sh')}\b[^\n]*: [^\n]+\n$")


if __name__ == "__main__":
    unittest.main()
