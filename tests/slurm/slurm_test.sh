#!/usr/bin/env bash
# A campaign of eight shards on a real Slurm, one task killed half-way, ends with the bytes of the campaign that ran in one
# place, and a sweep with those of the sweep; so do both under GNU parallel. usage: slurm_test.sh ATTNGUARD
set -euo pipefail
attnguard=$1
here=$(cd "$(dirname "$0")" && pwd)
script=$here/../../scripts/slurm.sh
fail() { echo "slurm_test: $*" >&2; tail -n 5 "$scratch"/*/*.shards/log/* "$scratch"/slurm/*.log >&2 || true; exit 1; }
for program in munged slurmctld slurmd sbatch parallel; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "no $program; scripts/setup.sh test installs it" >&2; exit 1; }
done

scratch=$(mktemp -d)
chmod 711 "$scratch"
. "$here/cluster.sh"
trap 'slurm_stop; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP
cd "$scratch"

# Complete runs only, so that a shard takes long enough to be killed.
cat >small.json <<'JSON'
{"accelerator": {"array": {"rows": 8, "cols": 8}},
 "checkers": {"merged": {"kind": "flash_abft"}},
 "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 96, "tokens_k": 96, "head_dim": 32},
 "campaign": {"injections": 800, "engine": "full"}}
JSON
cat >sweep.json <<'JSON'
{"workload": {"kind": "attention", "heads": 2, "tokens_q": 8, "tokens_k": 8, "head_dim": 4},
 "campaign": {"injections": 200},
 "sweep": {"mode": "campaign", "grid": {"accelerator.array.rows": [2, 4]}}}
JSON

same() { # folder, expected
  diff -r -x timing.json "$2" "$1" || fail "$1 is not $2"
}
await() { # result
  local try
  for try in $(seq 600); do
    [ ! -e "$1.shards/merged" ] || return 0
    sleep 0.1
  done
  fail "no result in $1"
}

"$attnguard" campaign small.json --out whole --quiet
"$attnguard" sweep sweep.json --out whole_sweep --quiet

slurm_start "$scratch/slurm" || exit 1
submit() { "$script" small.json 8 --out cluster/result --attnguard "$attnguard" --sbatch "--mem=100M"; }
submit >first || fail "submit"
grep -qx 'submitted: tasks 1-8' first || fail "first submission: $(cat first)"
submit >second || fail "submit again"
grep -q '^nothing to submit' second || fail "second submission: $(cat second)"

# A task that has kept a chunk and is not done; the first that is caught so.
killed=
for try in $(seq 2000); do
  read -r pid command < <(pgrep -o -a -f -- "campaign .*--out $scratch/cluster/result.shards/") || { sleep 0.02; continue; }
  task=${command#*--shard }
  task=${task%%/*}
  while [ -e "/proc/$pid" ] && [ ! -e "cluster/result.shards/$task/chunks/000000.chunk" ]; do :; done
  kill -9 "$pid" 2>/dev/null && [ -e "cluster/result.shards/$task/chunks" ] && killed=$task && break
done
[ -n "$killed" ] || fail "no task was caught half-way"

await cluster/result
grep -qx "tasks $killed are lost" cluster/result.shards/log/merge.* || fail "nobody noticed that task $killed was lost"
[ "$(ls cluster/result.shards/log/"$killed".* | wc -l)" -eq 2 ] || fail "task $killed did not run twice"
[ "$(ls cluster/result.shards/log/[0-9]* | wc -l)" -eq 9 ] || fail "other tasks ran again"
same cluster/result whole
submit | grep -qx "finished: $scratch/cluster/result" || fail "a finished campaign is submitted again"
if "$script" small.json 7 --out cluster/result --attnguard "$attnguard" 2>error; then fail "7 shards in the folder of 8"; fi
grep -q 'holds the shards of another command, configuration' error || fail "message: $(cat error)"

"$script" sweep.json 3 --sweep --out cluster/sweep --attnguard "$attnguard" --sbatch "--mem=100M" >/dev/null || fail "submit the sweep"
await cluster/sweep
same cluster/sweep whole_sweep
slurm_stop

here_and_now=("$script" small.json 3 --out local/result --attnguard "$attnguard")
parallel --will-cite -j2 "${here_and_now[@]}" --task {} ::: 1 3
if "${here_and_now[@]}" --merge 2>error; then fail "merged without shard 2"; fi
grep -q 'result.shards/2: no finished shard' error || fail "message: $(cat error)"
parallel --will-cite -j2 "${here_and_now[@]}" --task {} ::: 1 2 3
"${here_and_now[@]}" --merge
same local/result whole
here_and_now=("$script" sweep.json 3 --sweep --out local/sweep --attnguard "$attnguard")
parallel --will-cite -j2 "${here_and_now[@]}" --task {} ::: 1 2 3
"${here_and_now[@]}" --merge
same local/sweep whole_sweep
