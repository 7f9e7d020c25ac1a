#!/usr/bin/env bash
# Regenerates the tables and figures of the documentation from committed configurations and compares them (docs/reproduce.md).
# usage: scripts/reproduce.sh [--list] [--quick] [--out DIR] [ITEM...]
#   --list      names the items, their pages and what must match
#   --quick     only those that take seconds
#   --out DIR   results go there (default: traces/reproduce)
# ATTNGUARD=FILE, if set, is used as it is; else the executable is built.
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
scripts=$(realpath "$(dirname "$0")")

expected=''
for word in "$@"; do
  if [ -n "$expected" ]; then expected=''; continue; fi
  case $word in
    --list | --quick) ;;
    --out) expected=directory ;;
    -*) refuse "$word: unknown option" ;;
    *) [[ $word =~ ^[a-z_]+$ ]] && grep -q "^    \"$word\": (" "$scripts/reproduce.py" || refuse "$word: no item of --list" ;;
  esac
done
[ -z "$expected" ] || refuse "--out: a $expected is missing"
[ -z "${ATTNGUARD:-}" ] || [ -x "$ATTNGUARD" ] || refuse "ATTNGUARD=$ATTNGUARD: no executable"

case " $* " in *" --list "*) exec python3 "$scripts/reproduce.py" --list ;; esac
"$scripts/setup.sh" test
if [ -z "${ATTNGUARD:-}" ]; then
  (cd "$scripts/.." && cmake --preset release -DATTNGUARD_BUILD_TESTS=ON -DATTNGUARD_BUILD_BENCH=ON >/dev/null && cmake --build --preset release --target attnguard)
fi
exec python3 "$scripts/reproduce.py" "$@"
