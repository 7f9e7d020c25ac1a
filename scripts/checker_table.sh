#!/usr/bin/env bash
# Compares every kind of checker on three workloads and prints the tables of docs/checker_tables.md.
# usage: scripts/checker_table.sh [INJECTIONS]      per workload, 1 000 000 by default; results stay in traces/checker_table/
set -euo pipefail
cd "$(dirname "$0")/.."
injections=${1:-1000000}

scripts/setup.sh >&2
[ -f build/release/build.ninja ] || cmake --preset release -DATTNGUARD_BUILD_TESTS=OFF >&2
cmake --build --preset release --target attnguard >&2

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

# Per checker: totals apart, latency over both, and the checks of the fault-free run.
checker_table() { # DIR
  awk -F, '
    FILENAME ~ /summary.json$/ {
      if ($0 ~ /"fault_free"/) inside = 1
      else if (inside && $0 ~ /^  }/) inside = 0
      else if (inside && match($0, /"[^"]+": \{/)) name = substr($0, RSTART + 1, RLENGTH - 5)
      else if (inside && match($0, /"checks": [0-9]+/)) checks[name] = substr($0, RSTART + 10, RLENGTH - 10)
      else if (inside && match($0, /"alarms": [0-9]+/)) alarms[name] = substr($0, RSTART + 10, RLENGTH - 10)
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
      longest[checker, site] = $at["latency_max_cycles"]
    }
    function or_dash(value) { return value == "" ? "–" : value }
    END {
      print "| checker | `total_logic` | p50 | p99 | p50 of detected | `total_sram` | p50 | p99 | p50 of detected | longest | clean checks | false alarms |"
      print "|---|---|---|---|---|---|---|---|---|---|---|---|"
      for (c = 1; c <= n; ++c) {
        name = order[c]
        printf "| %s |", name
        split("total_logic total_sram", sums, " ")
        for (s = 1; s <= 2; ++s)
          printf " %s | %s | %s | %s |", share[name, sums[s]], or_dash(p50[name, sums[s]]), or_dash(p99[name, sums[s]]), or_dash(given[name, sums[s]])
        printf " %s | %s | %s |\n", or_dash(longest[name, "total"]), or_dash(checks[name]), or_dash(alarms[name])
      }
    }' "$1/summary.json" "$1/coverage.csv"
}

for name in all_checkers bert_base_checkers llama_3_1_8b_checkers; do
  dir=traces/checker_table/$name
  build/release/src/attnguard campaign configs/$name.json --set campaign.injections="$injections" --out "$dir" --force --quiet >&2
  echo "## \`configs/$name.json\`"
  echo
  echo "$(grep -c . "$dir/injections.csv" | awk '{print $1 - 1}') injections; coverage in percent with its 95 % interval; latency in cycles from injection."
  echo
  checker_table "$dir"
  echo
  coverage_table "$dir/coverage.csv" class
  echo
done
