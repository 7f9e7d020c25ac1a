#!/usr/bin/env bash
# Shows that mistakes in the differential engine are noticed: every mutation here, a sed script
# applied to a copy of the source tree, must make the identity test fail and a campaign with a full
# audit end with exit code 5 and an audit.csv.
#
#   run.sh WORK [MUTATION...]     WORK: a directory for the copy and its build; it is emptied
#
# A script names the file that it changes in a line "# file: ...", and options of the campaign that
# reaches the mistake, if it needs some, in a line "# options: ...".
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$1
shift
if [ $# -eq 0 ]; then set -- "$here"/*.sed; fi

rm -rf "$work"
mkdir -p "$work/source"
work=$(cd "$work" && pwd)
tar -C "$root" -cf - CMakeLists.txt CMakePresets.json cmake models src tests bench configs examples |
  tar -C "$work/source" -xf -
cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DATTNGUARD_BUILD_TESTS=ON -DATTNGUARD_BUILD_BENCH=OFF > "$work/cmake.log"

options_of() { printf '%s\n' "$(sed -n 's/^# options: //p' "$1")"; }
build() {
  cmake --build "$work/build" -j "$(nproc)" --target attnguard differential_identity_test > "$1" 2>&1
}
identity_test() {  # LOG
  (cd "$work/source" &&
    "$work/build/tests/differential_identity_test" --gtest_filter='DifferentialIdentity.*') > "$1" 2>&1
}
campaign() {  # LOG OUT [OPTION...]
  "$work/build/src/attnguard" campaign "$here/audit.json" --quiet --force --audit 800 \
    --out "$2" "${@:3}" > "$1" 2>&1
}

build "$work/build.log"
identity_test "$work/identity.log" || { echo "the identity test fails without a mutation"; exit 1; }
for script in "$@"; do options_of "$script"; done | sort -u | while read -ra options; do
  campaign "$work/campaign.log" "$work/clean" "${options[@]}" < /dev/null ||
    { echo "the campaign fails without a mutation: ${options[*]}"; exit 1; }
done

survived=0
for script in "$@"; do
  name=$(basename "$script" .sed)
  file=$work/source/$(sed -n 's/^# file: //p' "$script")
  read -ra options <<< "$(options_of "$script")"
  cp "$file" "$work/original"
  sed -i -f "$script" "$file"
  if cmp -s "$file" "$work/original"; then
    echo "$name: changes nothing; adapt its pattern"
    survived=1
    continue
  fi
  build "$work/$name.build.log" || { echo "$name: does not compile"; exit 1; }
  verdict=caught
  if identity_test "$work/$name.identity.log"; then verdict="SURVIVES the identity test"; fi
  code=0
  campaign "$work/$name.campaign.log" "$work/$name" "${options[@]}" || code=$?
  if [ $code -ne 5 ] || [ ! -s "$work/$name/audit.csv" ]; then
    verdict="$verdict, SURVIVES the audit (exit code $code)"
  fi
  echo "$name: $verdict"
  [ "$verdict" = caught ] || survived=1
  cp "$work/original" "$file"  # without its old time, so that it is compiled again
done
exit $survived
