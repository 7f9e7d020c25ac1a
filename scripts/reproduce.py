#!/usr/bin/env python3
"""Regenerates the tables of the documentation; scripts/reproduce.sh builds the executable and calls this.

An item makes the files of one table or figure in OUT/<item>. Where it also renders rows, each must stand in its page as it is:
exit code 1 names those that do not.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def attnguard(out, *arguments):
    """Runs a command of the tool into the folder `out`, which it returns."""
    command = [os.environ.get("ATTNGUARD", str(ROOT / "build/release/src/attnguard")), *arguments, "--quiet", "--force", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    return out


def output_of(command, file):
    with open(file, "w", encoding="utf-8") as stream:
        subprocess.run(command, cwd=ROOT, check=True, stdout=stream)
    return Path(file).read_text(encoding="utf-8")


def sets(**values):
    return [word for key, value in values.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]


def loaded(file):
    return json.loads(Path(file).read_text(encoding="utf-8"))


def grouped(number):
    return f"{int(number):,}".replace(",", " ")


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def first_run(out):
    run = loaded(attnguard(out / "run", "run", "configs/tiny_gpt.json") / "run.json")
    return [f"cycles                                      {grouped(run['cycles'])}",
            f"utilization                                   {100 * run['utilization']:.1f}  %",
            f"largest error / max|expected|              {run['expected']['max_error_over_max_abs']:.3g}"]


def demo(out):
    attnguard(out / "campaign", "campaign", "configs/tiny_gpt.json")
    with open(out / "campaign/coverage.csv", newline="", encoding="utf-8") as stream:
        rows = [r for r in csv.DictReader(stream) if r["tolerance"] == "0.01" and r["site_class"] == "total"]
    percents = {r["checker"]: f"{100 * float(r['coverage']):.1f} [{100 * float(r['ci_low']):5.1f}, {100 * float(r['ci_high']):5.1f}]" for r in rows}
    return [f"{percents['merged']}   {percents['hardened']}   {percents['two_check']}"]


def timing(out):
    rows = []
    for size, array in ((64, 8), (64, 16), (128, 16), (512, 16)):
        def cycles(dataflow, policy):
            folder = out / f"{size}-{array}-{dataflow}-{policy}"
            attnguard(folder, "run", "configs/gemm.json", *sets(workload__m=size, workload__n=size, workload__k=size, accelerator__array__rows=array,
                      accelerator__array__cols=array, accelerator__array__dataflow=dataflow, accelerator__array__fold_policy=policy))
            return grouped(loaded(folder / "run.json")["cycles"])
        still = "output_stationary"
        rows.append(row(f"{size}³, {array} × {array}", grouped((size // array) ** 2), cycles(still, "serial_full"), cycles(still, "serial_occupied"),
                        cycles(still, "overlapped"), cycles("weight_stationary", "serial_full"), cycles("weight_stationary", "overlapped")))
    return rows


def cost(out):
    shapes = [("shipped", "all_checkers", {}), ("shipped_45nm", "all_checkers", {"technology": "technology/45nm.json"}),
              ("bert_base", "bert_base_checkers", {}),
              ("llama_3_1_8b", "llama_3_1_8b_checkers", {"workload__heads": 32, "workload__kv_heads": 8})]
    columns = [loaded(attnguard(out / name, "run", f"configs/{config}.json", *sets(**changes)) / "run.json")["cost"]["checkers"]
               for name, config, changes in shapes]
    return [row(checker, *(f"{c[checker]['energy_overhead_pct']:.2f} / {c[checker]['area_overhead_pct']:.2f}" for c in columns))
            for checker in columns[0]]


def sweep(out):
    attnguard(out / "sweep", "sweep", "configs/sweep_array_campaign.json")
    rows = []
    with open(out / "sweep/sweep.csv", newline="", encoding="utf-8") as stream:
        for r in csv.DictReader(stream):
            def coverage(checker):
                return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * float(r[f"{checker}.{key}"]) for key in ("coverage", "ci_low", "ci_high")))

            def price(checker, digits):
                return ", ".join(f"{float(r[f'{checker}.{key}_overhead_pct']):.{digits}f}" for key in ("area", "energy"))
            rows.append(row(f"{r['accelerator.array.rows']} × {r['accelerator.array.cols']}", grouped(r["cycles"]), f"{100 * float(r['utilization']):.1f} %",
                            coverage("merged"), price("merged", 1), coverage("hardened"), price("hardened", 0), grouped(r["hardened.latency_p50_cycles"])))
    return rows


def checker_tables(out):
    text = output_of(["scripts/checker_table.sh"], out / "checker_tables.md")
    return [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| checker |", "| site class |"))]


def options(out):
    attnguard(out / "hardening_options", "campaign", "configs/hardening_options.json", *sets(campaign__injections=1000000))
    for scalar in ("max", "alpha", "sum"):
        attnguard(out / scalar, "campaign", "configs/all_checkers.json",
                  *sets(campaign__sampling="uniform", campaign__injections=3500, campaign__sites=json.dumps([f"softmax.row[*].{scalar}"])))


def recovery(out):
    attnguard(out / "sweep", "sweep", "configs/recovery.json")


def thresholds(out):
    workload = {"kind": "attention", "mask": "causal", "heads": 4, "tokens_q": 256, "tokens_k": 256, "head_dim": 64}
    attnguard(out / "calibration", "calibrate", "configs/tiny_gpt.json", *sets(workload=json.dumps(workload)))
    attnguard(out / "campaign", "campaign", "configs/tiny_gpt.json", *sets(campaign__injections=24000))
    attnguard(out / "roc", "roc", str(out / "campaign"), "--calibration", str(out / "calibration"))


def built(target):
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", target], cwd=ROOT, check=True)
    return str(ROOT / "build/release/tests" / target)


def statistics(out):
    output_of([built("interval_simulation_test"), "--gtest_filter=*Long.*"], out / "intervals.txt")


def oracle(out):
    for name in ("rtl_oracle_test", "rtl_oracle_tall_test"):
        output_of([built(name)], out / f"{name}.txt")


def rates(out):
    output_of(["scripts/campaign_rates.sh"], out / "rates.txt")


def scaling(out):
    output_of(["scripts/scaling.sh"], out / "scaling.txt")


def benchmarks(out):
    output_of(["scripts/bench.sh"], out / "bench.txt")


ROWS, COUNTS, MACHINE = "rows compared", "same figures", "depends on the machine"
# name: (page, what must match, in the quick subset, function)
ITEMS = {
    "first_run": ("README.md", ROWS, True, first_run),
    "demo": ("README.md", ROWS, True, demo),
    "timing": ("docs/timing.md", ROWS, True, timing),
    "cost": ("docs/cost.md", ROWS, False, cost),
    "sweep": ("docs/sweeps.md", ROWS, False, sweep),
    "checker_tables": ("docs/checker_tables.md", ROWS, False, checker_tables),
    "options": ("docs/checkers.md", COUNTS, False, options),
    "recovery": ("docs/recovery.md", COUNTS, False, recovery),
    "thresholds": ("docs/thresholds.md", COUNTS, False, thresholds),
    "statistics": ("docs/statistics.md", COUNTS, False, statistics),
    "oracle": ("tests/oracle/README.md", COUNTS, False, oracle),
    "rates": ("docs/campaigns.md", MACHINE, False, rates),
    "scaling": ("docs/scaling.md", MACHINE, False, scaling),
    "benchmarks": ("bench/README.md", MACHINE, False, benchmarks),
}


def reproduce(name, out):
    page, must, _, make = ITEMS[name]
    (out / name).mkdir(parents=True, exist_ok=True)
    rows = make(out / name) or []
    if must != ROWS:
        print(f"{name}: made in {out / name}, for {page}: {must}", flush=True)
        return True
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [r for r in rows if r not in text]
    print(f"{name}: {len(rows) - len(missing)} of {len(rows)} rows are those of {page}", flush=True)
    for r in missing:
        print(f"  not there: {r}", flush=True)
    return bool(rows) and not missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("items", nargs="*", metavar="ITEM", help=", ".join(ITEMS))
    parser.add_argument("--quick", action="store_true", help="the items that take seconds")
    parser.add_argument("--list", action="store_true", help="items, pages and what must match")
    parser.add_argument("--out", type=Path, default=ROOT / "traces/reproduce")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.items if name not in ITEMS]
    if unknown:
        parser.error(f"{unknown[0]}: no item; one of {', '.join(ITEMS)}")
    if arguments.list:
        for name, (page, must, _, _) in ITEMS.items():
            print(f"{name:15} {page:24} {must}")
        return 0
    names = arguments.items or [name for name, item in ITEMS.items() if item[2] or not arguments.quick]
    return 0 if all([reproduce(name, arguments.out.absolute()) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
