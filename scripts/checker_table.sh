#!/usr/bin/env bash
# Compares every kind of checker on three workloads and prints the tables of docs/checker_tables.md.
# usage: scripts/checker_table.sh [INJECTIONS [DIR]]      per workload, 1 000 000 by default; results stay in DIR, traces/checker_table by default
# ATTNGUARD=FILE, if set, is used as it is; else the executable is built.
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -le 2 ] || refuse "$3: unknown argument"
[[ ${1:-1} =~ ^[1-9][0-9]{0,8}$ ]] || refuse "$1: no number of injections"
injections=${1:-1000000}
results=$(realpath -m "${2:-$(dirname "$0")/../traces/checker_table}")
if [ -n "${ATTNGUARD:-}" ]; then
  [ -x "$ATTNGUARD" ] || refuse "ATTNGUARD=$ATTNGUARD: no executable"
  ATTNGUARD=$(realpath "$ATTNGUARD")
fi
cd "$(dirname "$0")/.."

if [ -z "${ATTNGUARD:-}" ]; then
  scripts/setup.sh >&2
  [ -f build/release/build.ninja ] || cmake --preset release -DATTNGUARD_BUILD_TESTS=OFF >&2
  cmake --build --preset release --target attnguard >&2
  ATTNGUARD=build/release/src/attnguard
fi

# One row per row of coverage.csv that `want` names, one column per checker; a cell is coverage and interval in percent.
coverage_table() { # FILE want(total|class)
  awk -F, -v want="$2" '
    { sub(/\r$/, "") }
    NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
    NR == 2 { tolerance = $at["tolerance"] }
    $at["tolerance"] != tolerance || $at["domain"] != "function" { next }
    {
      checker = $at["checker"]; site = $at["site_class"]
      if ((site ~ /^total/) != (want == "total")) next
      if (!(checker in seen)) { seen[checker]; checkers[++n] = checker }
      if (!(site in listed)) { listed[site]; sites[++m] = site }
      dangerous[site] = $at["detected"] + $at["undetected"]
      if ($at["coverage"] != "")
        cell[site, checker] = sprintf("%.1f [%.1f, %.1f]", 100 * $at["coverage"], 100 * $at["ci_low"], 100 * $at["ci_high"])
    }
    END {
      printf "| site class | dangerous |"; for (c = 1; c <= n; ++c) printf " %s |", checkers[c]
      printf "\n|---|---|"; for (c = 1; c <= n; ++c) printf "---|"; print ""
      for (s = 1; s <= m; ++s) {
        printf "| `%s` | %d |", sites[s], dangerous[sites[s]]
        for (c = 1; c <= n; ++c) printf " %s |", cell[sites[s], checkers[c]]
        print ""
      }
    }' "$1"
}

# Per checker: its cost, totals apart, latency, and the checks of the fault-free run.
checker_table() { # CAMPAIGN_DIR RUN_DIR
  awk -F, '
    function named(key) { return match($0, "\"" key "\": [0-9.e+-]+") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4) : "" }
    function or_dash(value) { return value == "" ? "–" : value }
    FILENAME ~ /json$/ {
      if (match($0, /"[^"]+": \{/)) name = substr($0, RSTART + 1, RLENGTH - 5)
      if (FILENAME ~ /summary.json$/ && $0 ~ /"fault_free"/) inside = 1
      if (inside && named("checks") != "") checks[name] = named("checks")
      if (inside && named("alarms") != "") alarms[name] = named("alarms")
      if (named("energy_overhead_pct") != "") energy[name] = sprintf("%.1f", named("energy_overhead_pct"))
      if (named("area_overhead_pct") != "") area[name] = sprintf("%.1f", named("area_overhead_pct"))
      next
    }
    { sub(/\r$/, "") }
    FNR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
    FNR == 2 { tolerance = $at["tolerance"] }
    $at["tolerance"] != tolerance || $at["domain"] != "function" || $at["site_class"] !~ /^total/ { next }
    {
      checker = $at["checker"]; site = $at["site_class"]
      if (!(checker in seen)) { seen[checker]; order[++n] = checker }
      share[checker, site] = sprintf("%.2f [%.2f, %.2f]", 100 * $at["coverage"], 100 * $at["ci_low"], 100 * $at["ci_high"])
      p50[checker, site] = $at["latency_p50_cycles"]
      p99[checker, site] = $at["latency_p99_cycles"]
      given[checker, site] = $at["latency_given_detected_p50_cycles"]
    }
    END {
      print "| checker | energy % | area % | `total_logic` | p50 | p99 | p50 of detected | `total_sram` | p50 | p99 | p50 of detected | clean checks | false alarms |"
      print "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
      for (c = 1; c <= n; ++c) {
        name = order[c]
        printf "| %s | %s | %s |", name, or_dash(energy[name]), or_dash(area[name])
        split("total_logic total_sram", sums, " ")
        for (s = 1; s <= 2; ++s)
          printf " %s | %s | %s | %s |", share[name, sums[s]], or_dash(p50[name, sums[s]]), or_dash(p99[name, sums[s]]), or_dash(given[name, sums[s]])
        if (checks[name] > 0) printf " %s | %s |\n", checks[name], alarms[name]
        else print " – | – |"
      }
    }' "$1/summary.json" "$2/run.json" "$1/coverage.csv"
}

for name in all_checkers bert_base_checkers llama_3_1_8b_checkers; do
  dir=$results/$name
  "$ATTNGUARD" campaign configs/$name.json --set campaign.injections="$injections" --out "$dir" --force --quiet >&2
  "$ATTNGUARD" run configs/$name.json --out "$dir-run" --force --quiet >&2
  echo "## \`configs/$name.json\`"
  echo
  checker_table "$dir" "$dir-run"
  echo
  coverage_table "$dir/coverage.csv" class
  echo
done
