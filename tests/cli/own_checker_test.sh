#!/bin/sh
# The example of docs/extending.md: built against an installed attnguard, then used. Its kind is in
# the schema, its options are read strictly, its registers are fault sites that both engines and both
# fidelities serve alike, and a campaign counts what it detects.
#   own_checker_test.sh <source tree> <where attnguard is installed> <scratch folder> <cmake arguments…>
set -eu
source=$1 prefix=$2 scratch=$3
shift 3
fail() { echo "own_checker_test: $*" >&2; exit 1; }

rm -rf "$scratch"
cmake -S "$prefix/share/attnguard/examples/own_checker" -B "$scratch" -DCMAKE_PREFIX_PATH="$prefix" "$@" >"$scratch.log" || fail configure
grep -q "attnguard_DIR:PATH=$prefix/" "$scratch/CMakeCache.txt" || fail "found another attnguard"
cmake --build "$scratch" >>"$scratch.log" 2>&1 || { tail -20 "$scratch.log"; fail build; }
tool=$scratch/mass_check
config=$source/examples/own_checker/mass_check.json

test "$(wc -l <"$source/examples/own_checker/mass_check.cpp")" -lt 100 || fail "the example has 100 lines or more"
awk '/^```cpp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$source/docs/extending.md" |
  cmp - "$source/examples/own_checker/mass_check.cpp" || fail "docs/extending.md shows another text"
"$tool" schema keys | grep -q 'kind mass_check' || fail "no table of its keys"
"$tool" schema keys | grep -q 'checkers.<name>.tolerance' || fail "no row of its option"
"$tool" run "$config" --quiet --out "$scratch/run"
grep -q '"mass"' "$scratch/run/run.json" || fail "no checker mass in run.json"
tr -d ' \n' <"$scratch/run/run.json" | grep -q '"mass":{"energy_pj":null,' || fail "a cost nobody told is not unknown"
"$tool" sites "$config" --quiet --out "$scratch/sites"
grep -q '^checksum.mass.row\[\*\].mass\[\*\],safety_mechanism,.*,differential' "$scratch/sites/sites.csv" || fail "its register is no site"

if "$tool" run "$config" --set checkers.mass.tolerance=2 --out "$scratch/wrong" 2>"$scratch.error"; then fail "tolerance 2 accepted"; fi
grep -q 'tolerance.*2; a number from 0 to 1' "$scratch.error" || fail "message: $(cat "$scratch.error")"
if "$tool" run "$config" --set checkers.mass.kind=mass_chek --out "$scratch/wrong" 2>"$scratch.error"; then fail "mass_chek accepted"; fi
grep -q 'did you mean "mass_check"' "$scratch.error" || fail "message: $(cat "$scratch.error")"

"$tool" campaign "$config" --quiet --workers 2 --audit 200 --out "$scratch/differential"
"$tool" campaign "$config" --quiet --workers 2 --set campaign.engine=full --set accelerator.fidelity=cycle --out "$scratch/full"
cmp "$scratch/differential/injections.csv" "$scratch/full/injections.csv" || fail "engines or fidelities differ"
cmp "$scratch/differential/coverage.csv" "$scratch/full/coverage.csv" || fail "coverage differs"
# It exists to see l: more of its dangerous faults than the merged scheme, which shares it, does.
detected() { awk -F, -v c="$1" 'NR == 1 { for (i = 1; i <= NF; ++i) { if ($i == "detected") d = i; if ($i == "tolerance") t = i } next }
  $1 == c && $2 == "softmax.row[*].sum" && $t == 0.01 { print $d }' "$scratch/differential/coverage.csv"; }
test "$(detected mass)" -gt "$(detected merged)" || fail "mass sees $(detected mass), merged $(detected merged)"
