#!/bin/sh
# What `cmake --install` puts down stands on its own: the executable with the shipped configurations, and find_package for
# a program that uses the hardware alone (examples/bare_accelerator). own_checker_test goes on with one that uses all of the tool.
#   installed_test.sh <attnguard build folder> <scratch folder> <cmake arguments…>
set -eu
build=$1 scratch=$2
shift 2
fail() { echo "installed_test: $*" >&2; exit 1; }

rm -rf "$scratch"
mkdir -p "$scratch/elsewhere"
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >"$scratch/log" || { tail -20 "$scratch/log"; fail install; }
share=$prefix/share/attnguard
cd "$scratch/elsewhere"

# The tool: every configuration finds its tensors, from any folder.
"$prefix/bin/attnguard" run "$share/configs/tiny_gpt.json" --quiet
test -s traces/tiny_gpt-run/output.npy || fail "no output"
"$prefix/bin/attnguard" schema | cmp - "$share/configs/attnguard.schema.json" || fail "another schema"
for config in "$share"/configs/*.json "$share"/configs/checkers/*.json; do
  case $config in *schema.json | *sweep_*) continue ;; esac
  "$prefix/bin/attnguard" run "$config" --quiet --out "result/$(basename "$config")" --set schema_version=2 2>message && fail "schema 2 read"
  grep -q -- '--set schema_version=2: 2; 1, the one version that attnguard ' message || fail "$config: $(cat message)"
  test ! -e result || fail "half a result"
done

# Nothing that was installed names the source or build tree, but for the executable's text of its own origin.
if grep -rl "$build" "$prefix/lib/cmake" "$prefix/include" "$share"; then fail "names the build folder"; fi

# A program of one's own.
cmake -S "$share/examples/bare_accelerator" -B bare -DCMAKE_PREFIX_PATH="$prefix" "$@" >>"$scratch/log" 2>&1 || { tail -20 "$scratch/log"; fail configure; }
grep -q "attnguard_DIR:PATH=$prefix/" bare/CMakeCache.txt || fail "found another attnguard"
cmake --build bare >>"$scratch/log" 2>&1 || { tail -20 "$scratch/log"; fail build; }
# Row 7 sees V = 0 .. 7 with equal weights: 3.5. As many cycles as the tool counts for the shape.
bare/bare_accelerator >said
grep -qx 'last output 3.5' said || fail "$(cat said)"
cat >bare.json <<'JSON'
{"accelerator": {"array": {"rows": 4, "cols": 4}},
 "workload": {"kind": "attention", "mask": "causal", "heads": 1, "tokens_q": 8, "tokens_k": 8, "head_dim": 8}}
JSON
"$prefix/bin/attnguard" run bare.json --quiet --out bare_run
cycles=$(sed -n 's/^ *"cycles": \([0-9]*\),*$/\1/p' bare_run/run.json | head -1)
grep -qx "cycles $cycles" said || fail "$(cat said) and $cycles"
