#!/usr/bin/env python3
"""Regenerates the tables of the documentation; scripts/reproduce.sh builds the executable and calls this.

An item makes the files of one table or figure in OUT/<item>. Where it also renders rows, each must stand in one of its pages as it is,
a line of a table as a whole line: exit code 1 names those that do not.
"""
import argparse
import csv
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(command, text):
    """Runs a command in the source tree; what it prints goes to the file `text` and is returned."""
    with open(text, "w", encoding="utf-8") as stream:
        done = subprocess.run(command, cwd=ROOT, stdout=stream, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode} of {' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return Path(text).read_text(encoding="utf-8")


def attnguard(out, *arguments):
    """Runs a command of the tool into the folder `out`, which it returns; what it prints goes to `out`.txt."""
    run([os.environ["ATTNGUARD"], *arguments, "--force", "--out", out], f"{out}.txt")
    return out


def sets(**values):
    return [word for key, value in values.items()
            for word in ("--set", f"{key.replace('__', '.')}={value if isinstance(value, str) else json.dumps(value)}")]


def loaded(file):
    return json.loads(Path(file).read_text(encoding="utf-8"))


def lines(folder):
    return Path(f"{folder}.txt").read_text(encoding="utf-8").splitlines()


def table(file):
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def totals(folder):
    """The rows of coverage.csv of the datapath, by checker and site class."""
    return {(r["checker"], r["site_class"]): r for r in table(folder / "coverage.csv") if r["tolerance"] == "0.01" and r["domain"] == "function"}


def grouped(number):
    return f"{int(number):,}".replace(",", " ")


def percent(share, digits=1):
    return f"{100 * float(share):.{digits}f}"


def interval(r, prefix=""):
    return "{} [{}, {}]".format(*(percent(r[prefix + key]) for key in ("coverage", "ci_low", "ci_high")))


def microjoules(picojoules):
    return grouped(round(picojoules / 1e6)) if picojoules >= 1e8 else f"{picojoules / 1e6:.1f}"


def overheads(cost, digits):
    return " / ".join(f"{cost[f'{key}_overhead_pct']:.{digits}f}" for key in ("energy", "area"))


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def first_run(out):
    printed = lines(attnguard(out / "run", "run", "configs/tiny_gpt.json"))
    shown = ("array ", "cycles ", "utilization ", "bound ", "largest error ", "dma.load ", "merged ", "hardened ")
    return [line for line in printed[:printed.index("cost, 28 nm          energy uJ     share  area mm2     share")] if line.startswith(shown)]


def demo(out):
    printed = lines(attnguard(out / "campaign", "campaign", "configs/tiny_gpt.json"))
    width = next(line.index("two_check") + len("two_check") for line in printed if line.startswith("site class"))
    shown = ("k_buffer.word", "o_buffer.word", "array.pe[*][*].north", "softmax.row[*].max", "softmax.row[*].sum", "accumulator.row[*].reciprocal",
             "total")
    counts = next(line for line in printed if " injections in " in line)
    return [line[:width] for line in printed if line.startswith(shown)] + [counts[counts.index(": "):], printed[-3]]


def timing(out):
    rows = []
    for size, array in ((64, 8), (64, 16), (128, 16), (512, 16)):
        def cycles(dataflow, policy):
            folder = out / f"{size}-{array}-{dataflow}-{policy}"
            attnguard(folder, "run", "configs/gemm.json", *sets(workload__m=size, workload__n=size, workload__k=size, accelerator__array__rows=array,
                      accelerator__array__cols=array, accelerator__array__dataflow=dataflow, accelerator__array__fold_policy=policy))
            return grouped(loaded(folder / "run.json")["cycles"])
        still = "output_stationary"
        rows.append(row(f"{size}³, {array} × {array}", grouped((size // array) ** 2),
                        cycles(still, "serial_full"), cycles(still, "serial_occupied"), cycles(still, "overlapped"),
                        cycles("weight_stationary", "serial_full"), cycles("weight_stationary", "overlapped")))
    return rows


def cost(out):
    def cost_of(name, config, **changes):
        return loaded(attnguard(out / name, "run", f"configs/{config}.json", *sets(**changes)) / "run.json")["cost"]

    columns = [cost_of("shipped", "all_checkers"), cost_of("shipped_45nm", "all_checkers", technology="technology/45nm.json"),
               cost_of("bert_base", "bert_base_checkers"),
               cost_of("llama_3_1_8b", "llama_3_1_8b_checkers", workload__heads=32, workload__kv_heads=8)]
    rows = [row(checker, *(overheads(c["checkers"][checker], 2) for c in columns)) for checker in columns[0]["checkers"]]
    chips = [c["accelerator"] for c in columns]
    rows += [row("accelerator: µJ, mm²", *(f"{microjoules(c['energy_pj'])}, {c['area_um2'] / 1e6:.2f}" for c in chips)),
             row("its memories' leakage: µJ at most", *(microjoules(c["leakage_pj"]) for c in chips))]

    absolute, reciprocal, own = {"threshold": {"rule": "absolute"}}, {"normaliser": "shared_reciprocal"}, {"softmax_scalars": "duplicated"}
    changes = {"none: float32, relative threshold, own division": {}, "`format: bfloat16`": {"format": "bfloat16"},
               "`format: float64`": {"format": "float64"}, "`threshold.rule: absolute`, which needs no weight": absolute,
               "`threshold.rule: bound`": {"threshold": {"rule": "bound"}}, "`normaliser: shared_reciprocal`": reciprocal,
               "absolute and `shared_reciprocal`": {**absolute, **reciprocal},
               "the same in bfloat16": {**absolute, **reciprocal, "format": "bfloat16"},
               "`row_sum: at_write`, formed once per load and not once per query tile": {"row_sum": "at_write"},
               "`granularity: tile`": {"granularity": "tile"}, "`softmax_scalars: duplicated`": own, "`score_check: true`": {"score_check": True}}
    variants = {f"change{i}": {"kind": "flash_abft", **options} for i, options in enumerate(changes.values())}
    changed = cost_of("changes", "tiny_gpt", checkers=variants)["checkers"]
    chords = cost_of("chords", "tiny_gpt", checkers__own={"kind": "flash_abft", **own}, accelerator__softmax__exp2="piecewise_linear")["checkers"]
    wide = cost_of("float32", "tiny_gpt", accelerator__formats__operand="float32")["checkers"]
    for name, c in [*zip(changes, changed.values()), ("`softmax.exp2: piecewise_linear`: a smaller accelerator", chords["merged"]),
                    ("the same with `duplicated` scalars", chords["own"]), ("float32 operands: a larger one", wide["merged"])]:
        rows.append(row(name, *overheads(c, 2).split(" / ")))

    def buffers(words):
        return {"accelerator__buffers__q__words": words, "accelerator__buffers__o__words": words}

    sizes = [cost_of(f"array{n}", "tiny_gpt", accelerator__array__rows=n, accelerator__array__cols=n, **buffers(65536)) for n in (8, 16, 32, 64, 128)]
    workload = {"kind": "attention", "mask": "none", "heads": 4, "tokens_q": 256, "tokens_k": 256}
    widths = [cost_of(f"head_dim{d}", "tiny_gpt", workload={**workload, "head_dim": d}, **buffers(16384)) for d in (32, 64, 128, 256)]
    for runs in sizes, widths:
        rows += [row(key, *(f"{c['checkers']['merged'][f'{key}_overhead_pct']:.2f}" for c in runs)) for key in ("energy", "area")]
    return rows


def sweep(out):
    rows, points = [], table(attnguard(out / "sweep", "sweep", "configs/sweep_array_campaign.json") / "sweep.csv")
    for r in points:
        def price(checker, digits):
            return ", ".join(f"{float(r[f'{checker}.{key}_overhead_pct']):.{digits}f}" for key in ("area", "energy"))
        rows.append(row(f"{r['accelerator.array.rows']} × {r['accelerator.array.cols']}", grouped(r["cycles"]), f"{percent(r['utilization'])} %",
                        interval(r, "merged."), price("merged", 1), interval(r, "hardened."), price("hardened", 0),
                        grouped(r["hardened.latency_p50_cycles"])))
    logic, sram = (" to ".join(percent(points[i][f"merged.{total}.coverage"], 0) for i in (0, -1)) for total in ("total_logic", "total_sram"))
    return rows + [f"`merged.total_logic.coverage` falls from {logic} %", f"`merged.total_sram.coverage` from {sram} %"]


def checker_tables(out):
    text = run(["scripts/checker_table.sh", "1000000", out], out / "checker_tables.md")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| checker |", "| site class |"))]
    configs = ("all_checkers", "bert_base_checkers", "llama_3_1_8b_checkers")
    cells = [totals(out / config) for config in configs]
    for checker, price in loaded(out / f"{configs[0]}-run/run.json")["cost"]["checkers"].items():
        rows.append(row(checker, overheads(price, 1), *(interval(c[checker, total]) for c in cells for total in ("total_logic", "total_sram")),
                        " / ".join(c[checker, "total_logic"]["latency_given_detected_p50_cycles"] for c in cells)))
    return rows


def options(out):
    config = "configs/hardening_options.json"
    cells = totals(attnguard(out / "hardening_options", "campaign", config, *sets(campaign__injections=1000000)))
    prices = loaded(attnguard(out / "run", "run", config) / "run.json")["cost"]["checkers"]
    classes = ["q_buffer.word[*]", "k_buffer.word[*]", "v_buffer.word[*]", "array.pe[*][*].west", "array.pe[*][*].acc", "array.probability[*][*][*]",
               "softmax.score[*]", "softmax.row[*].max", "softmax.row[*].alpha", "softmax.probability[*]", "softmax.row[*].sum",
               "total_logic", "total_sram", "total"]
    rows = [row(f"`{site}`", *(percent(cells[checker, site]["coverage"]) for checker in prices)) for site in classes]
    shown = [cells[checker, site] for checker in prices for site in classes]
    margin = max(max(float(r["ci_high"]) - float(r["coverage"]), float(r["coverage"]) - float(r["ci_low"])) for r in shown)
    rows += [row("energy / area %", *(overheads(price, 1) for price in prices.values())),
             f"(intervals are at most ±{math.ceil(1000 * margin) / 10})"]

    missed = []
    for scalar in ("max", "alpha", "sum"):
        site = f"softmax.row[*].{scalar}"
        folder = attnguard(out / scalar, "campaign", "configs/all_checkers.json",
                           *sets(campaign__sampling="uniform", campaign__injections=3500, campaign__sites=[site]))
        merged, hardened = (totals(folder)[checker, site] for checker in ("merged", "hardened"))
        detected = int(merged["detected"])
        rows.append(row(f"`{site}`", str(detected + int(merged["undetected"])), f"{percent(merged['coverage'])} %",
                        f"{merged['nonfinite_alarms']} of {detected}", f"{percent(hardened['coverage'])} %"))
        missed += [r for r in table(folder / "injections.csv") if r["hardened.verdict"] == "undetected"]
    errors, residuals = sorted(float(r["max_row_error"]) for r in missed), sorted(float(r["hardened.output.ratio_max"]) * 2**17 for r in missed)
    return rows + [f"The {len(missed)} flips the hardened scheme misses change the output by {percent(errors[0])} to {percent(errors[-1])} %",
                   f"with a residual of {residuals[0]:.2f} to {residuals[-1]:.2f} of the threshold"]


def clean_runs(out):
    text = run([built("clean_runs_test"), "--gtest_filter=*HundredThousandQueriesOfEveryKind:*DistanceOnTheShippedTensors:*PublishedVarianceRule*"],
               out / "clean_runs.txt")
    found = {(data, checks): (count, largest) for data, checks, count, largest in
             re.findall(r"^([^,\n]+), (float\d\d\.\w+): (\d+) checks, 0 alarms, largest residual (\S+) of", text, re.M)}
    names = {"plain": "N(0,1), causal", "outliers": "4 outlier channels, 10 times as large", "biased": "V of mean 2",
             "peaked": "outliers, q twice as wide, V of mean −1, ragged 12 × 20 tiles, d = 50", "decode": "one query per head, 4 rows",
             "flat": "q 2⁻⁶ as wide, V of mean 2", "flat and biased": "likewise, V of mean 1 002, K of mean 4",
             "deep and biased": "that V and K, d = 256, 16 × 4 tiles", "tiny_gpt": "the shipped GPT's tensors"}
    checks = ("float32.score", "float32.pv", "float64.score", "float64.pv")
    rows = [row(name, grouped(found[data, checks[0]][0]), *(found[data, c][1] for c in checks)) for data, name in names.items()]
    count, alarms, largest = re.search(r"^float32\.pv (\d+) (\d+) (\S+)$", text, re.M).groups()
    residuals = run([built("clean_residuals_test")], out / "clean_residuals.txt").splitlines()
    rows += [line.removeprefix("> ") for line in residuals if line.startswith(("| ", "> "))]
    return rows + [f"a float32 checker alarms on {alarms} of {grouped(count)} clean checks (up to {float(largest):.2f} × τ)"]


def recovery(out):
    rows = []
    for r in table(attnguard(out / "sweep", "sweep", "configs/recovery.json") / "sweep.csv"):
        def cycles(key):
            return " / ".join(r[f"recovery.{key}_{quantile}"] for quantile in ("p50", "p99", "max"))
        rows.append(row(f"`{r['recovery.policy']}`", f"`{json.loads(r['recovery.checkers'])[0]}`",
                        *(r[f"recovery.{outcome}"] for outcome in ("recovered", "exhausted", "failed")), cycles("extra_cycles"),
                        cycles("cycles_to_recover")))
    return rows + correction(out / "correct") + decoders(out)


def correction(out):
    """Policy `correct` on its own: what attnchecker's location is worth."""
    attnguard(out, "campaign", "configs/recovery.json", *sets(
        recovery__policy="correct", recovery__checkers=["attnchecker"], checkers={"attnchecker": {"kind": "attnchecker"}},
        campaign__injections=40000, campaign__models=[{"kind": "bit_flip", "bits": 1}]))
    figures = loaded(out / "summary.json")["recovery"]["fault_classes"]["transient"]
    injections = table(out / "injections.csv")
    spoilt = [r for r in injections if r["attnchecker.verdict"] == "detected" and r["effect"] == "sdc"]
    spurious = [r for r in injections if r["attnchecker.verdict"] == "spurious_alarm"]

    def golden(*registers):
        there = [r["recovery.outcome"] == "recovered" for r in spoilt if r["site_class"] in [f"array.pe[*][*].{name}" for name in registers]]
        return f"{sum(there)} of {len(there)}"

    share = "{} % [{}, {}]".format(*(percent(figures[key]) for key in ("share_recovered", "ci_low", "ci_high")))
    return [f"of {grouped(figures['detected_sdc'])} detected sdc {figures['recovered_sdc']} end golden and {figures['tolerable_sdc']} within 1 %",
            f"dominate, {share}", f"each one value of one tile, {golden('acc', 'drain')} end golden",
            f"`array.pe[*][*].west`, one value per column, {golden('west')}", f"(`north`: {golden('north')})",
            f"Of {grouped(len(spurious))} alarms that come from the checker's own state and its observation links, "
            f"{sum(r['recovery.outcome'] == 'failed' for r in spurious)} made it write a wrong value over a right one"]


def decoders(out):
    """Recovery with the buffers' decoders as the only trigger."""
    rows = []
    for policy in ("recompute_tile", "recompute_query_block", "recompute_head"):
        folder = attnguard(out / f"memory-{policy}", "campaign", "configs/protected_buffers.json",
                           *sets(recovery__policy=policy, recovery__checkers=["memory"], campaign__injections=12000))
        figures = loaded(folder / "summary.json")["recovery"]
        rows.append(f"all {grouped(figures['outcomes']['recovered'])} injections with an alarm, "
                    f"{grouped(figures['fault_classes']['transient']['recovered_sdc'])} of them sdc of the datapath, ended `recovered`")
    folder = attnguard(out / "double", "campaign", "configs/protected_buffers.json",
                       *sets(recovery__policy="recompute_tile", recovery__checkers=["memory"], campaign__injections=2000,
                             campaign__sites=["o_buffer.word*"], campaign__models=[{"kind": "bit_flip", "bits": 2}]))
    return rows + [f"Of 2 000 double flips in `o_buffer.word*` {grouped(loaded(folder / 'summary.json')['recovery']['outcomes']['recovered'])} alarm"]


def thresholds(out):
    workload = {"kind": "attention", "mask": "causal", "heads": 4, "tokens_q": 256, "tokens_k": 256, "head_dim": 64}
    calibration = attnguard(out / "calibration", "calibrate", "configs/tiny_gpt.json", *sets(workload=workload))
    campaign = attnguard(out / "campaign", "campaign", "configs/tiny_gpt.json", *sets(campaign__injections=24000))
    shown = [["merged", "output"], ["hardened", "score"], ["hardened", "any", "inference"], ["two_check", "pv"]]
    rows = [line for line in lines(calibration)
            if line.startswith(("! ", "  --set checkers.merged")) or any(line.split()[:len(s)] == s for s in shown)]
    curves = table(attnguard(out / "roc", "roc", campaign, "--calibration", calibration) / "roc.csv")
    for checker in loaded(campaign / "summary.json")["checkers"]:
        curve = [r for r in curves if r["checker"] == checker and r["comparison"] == "any" and r["site_class"] == "total"]
        configured = next(r for r in curve if float(r["factor"]) == 1)
        silent = min((r for r in curve if r["unit_alarms"] == "0"), key=lambda r: float(r["factor"]))
        rows.append(row(checker, interval(configured), silent["factor"], interval(silent)))
    return rows


def built(target):
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return ROOT / "build/release/tests" / target


def statistics(out):
    text = run([built("interval_simulation_test"), "--gtest_filter=*Long.*"], out / "intervals.txt")

    def held(pattern):
        """By scenario, in the order of the page: the lowest share, as there are several half-widths."""
        found = {}
        for scenario, share in re.findall(pattern, text, re.M):
            found[scenario] = min(float(share), found.get(scenario, 1))
        return [f"{percent(share)} %" for share in found.values()]

    return [row("total coverage", *held(r"^total, (.*): ([\d.]+)$")),
            row("the same where the stop rule ends the campaign, up to six looks, half-widths 0.1 to 0.01: the lowest",
                *held(r"^stop at [\d.]+, (.*): ([\d.]+) after")),
            row("difference of two checkers", *held(r"^paired, (.*): ([\d.]+) ")),
            row("for comparison Δ ± z·`standard_error`, which is not reported", *held(r"^paired, (.*): .*normal interval: ([\d.]+)"))]


def oracle(out):
    flips, others = [], []
    for name in ("rtl_oracle_test", "rtl_oracle_tall_test"):
        run([built(name), f"--gtest_output=json:{out / name}.json"], out / f"{name}.txt")  # fails at the first mismatch
        tests = {test["name"]: test for suite in loaded(out / f"{name}.json")["testsuites"] for test in suite["testsuite"]}
        flips.append(tests["EveryFlipEndsAsInTheVerilog"])
        others.append(tests["StuckIntermittentAndCarryFaultsEndAsInTheVerilog"])
    return [row("bit flips", *(grouped(t["flips"]) for t in flips)),
            row("… that change the output; that alarm", *(f"{grouped(t['changed outputs'])}; {grouped(t['alarms'])}" for t in flips)),
            row("bit patterns, stuck-at, intermittent, carry", *(grouped(t["faults"]) for t in others)), row("mismatches", "0", "0")]


def printed_by(script):
    return lambda out: run([f"scripts/{script}"], out / "figures.txt")


ROWS, MACHINE = "rows compared", "depends on the machine"
# name: (pages, what must match, in the quick subset, function)
ITEMS = {
    "first_run": (["README.md"], ROWS, True, first_run),
    "demo": (["README.md"], ROWS, True, demo),
    "timing": (["docs/timing.md"], ROWS, True, timing),
    "cost": (["docs/cost.md"], ROWS, False, cost),
    "sweep": (["docs/sweeps.md"], ROWS, False, sweep),
    "checker_tables": (["docs/checker_tables.md", "docs/checkers.md"], ROWS, False, checker_tables),
    "options": (["docs/checkers.md"], ROWS, False, options),
    "clean_runs": (["docs/checkers.md"], ROWS, False, clean_runs),
    "recovery": (["docs/recovery.md"], ROWS, False, recovery),
    "thresholds": (["docs/thresholds.md"], ROWS, False, thresholds),
    "statistics": (["docs/statistics.md"], ROWS, False, statistics),
    "oracle": (["tests/oracle/README.md"], ROWS, False, oracle),
    "rates": (["docs/campaigns.md", "README.md"], MACHINE, False, printed_by("campaign_rates.sh")),
    "scaling": (["docs/scaling.md"], MACHINE, False, printed_by("scaling.sh")),
    "benchmarks": (["bench/README.md", "README.md", "models/numerics/README.md"], MACHINE, False, printed_by("bench.sh")),
}


def missing(rows, pages):
    """Those that stand in none of the pages: lines of a table as whole lines, others anywhere, across line ends too."""
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in pages]
    whole = {line for text in texts for line in text.splitlines()}
    flowing = " ".join(" ".join(text.split()) for text in texts)
    return [r for r in rows if r not in whole and (r.startswith("|") or " ".join(r.split()) not in flowing)]


def reproduce(name, out):
    """Makes an item and tells how it came out: a cell for the summary, and whether all is well."""
    pages, must, _, make = ITEMS[name]
    print(f"{name}: started {time.strftime('%H:%M:%S')}", flush=True)
    (out / name).mkdir(parents=True, exist_ok=True)
    try:
        rows = make(out / name)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"  {error}", flush=True)
        return "failed", False
    if must == MACHINE:
        return "made", True
    wrong = missing(rows, pages)
    for r in wrong:
        print(f"  not in {' or '.join(pages)}: {r}", flush=True)
    return f"{len(rows) - len(wrong)} of {len(rows)}", bool(rows) and not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("items", nargs="*", metavar="ITEM", help=", ".join(ITEMS))
    parser.add_argument("--quick", action="store_true", help="the items that take seconds")
    parser.add_argument("--list", action="store_true", help="items, pages and what must match")
    parser.add_argument("--out", type=Path, default=ROOT / "traces/reproduce")
    parser.error = lambda message: parser.exit(2, f"reproduce.py: {message}; see --help\n")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.items if name not in ITEMS]
    if unknown:
        parser.error(f"{unknown[0]}: no item; one of {', '.join(ITEMS)}")
    if arguments.list:
        for name, (pages, must, _, _) in ITEMS.items():
            print(f"{name:15} {must:22}  {', '.join(pages)}")
        return 0
    os.environ["ATTNGUARD"] = str(Path(os.environ.get("ATTNGUARD") or ROOT / "build/release/src/attnguard").absolute())  # for scripts, too
    summary, good = [], True
    for name in arguments.items or [name for name, item in ITEMS.items() if item[2] or not arguments.quick]:
        start, start_cpu = time.monotonic(), sum(os.times()[:4])
        result, well = reproduce(name, arguments.out.absolute())
        seconds, cpu = time.monotonic() - start, sum(os.times()[:4]) - start_cpu
        summary.append(f"{name:15} {result:>12} {seconds:8.0f} {cpu:11.0f}")
        good = good and well
        print(f"{name}: {result}, took {seconds:.0f} s", flush=True)
    print(f"\n{'item':15} rows matched  seconds CPU seconds    results in {arguments.out}", *summary, sep="\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
