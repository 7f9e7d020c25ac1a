#!/usr/bin/env bash
# A campaign or sweep on a Slurm cluster: N shards as an array job, and a job that merges them. Lost tasks are submitted again.
# usage: scripts/slurm.sh CONFIG N [OPTIONS] [-- OPTIONS OF attnguard campaign or sweep]
#   --sweep              the sweep of CONFIG, not its campaign
#   --out DIR            the result (default: traces/<config>-campaign or -sweep); shards and logs go to DIR.shards
#   --sbatch "OPTIONS"   of both jobs, e.g. "--partition=long --time=4:00:00 --cpus-per-task=8 --mem=4G"
#   --rounds R           how often lost tasks are submitted again before the merge gives up (default: 3)
#   --attnguard FILE     the executable (default: that of this source tree's build/release)
#   --task K, --merge    here and now, without Slurm: shard K; the merge
# Running it again is safe at any time: it submits what is neither finished nor queued.
set -euo pipefail

fail() { echo "slurm: $*" >&2; exit 2; }

self=$(readlink -f "${BASH_SOURCE[0]}")
command=campaign mode=submit task='' out='' sbatch_options=() rounds=3 round=0 attnguard='' words=() more=()
while [ $# -gt 0 ]; do
  case $1 in
    --out | --sbatch | --rounds | --attnguard | --task | --self | --round)
      [ $# -ge 2 ] || fail "$1: a value is missing"
      case $1 in
        --out) out=$2 ;;
        --sbatch) read -ra sbatch_options <<<"$2" ;;
        --rounds) rounds=$2 ;;
        --attnguard) attnguard=$2 ;;
        --task) mode=task task=$2 ;;
        --self) self=$2 ;;    # in a job: sbatch runs a copy
        --round) round=$2 ;;  # in a job: how often tasks were submitted again
      esac
      shift 2 ;;
    --sweep) command=sweep; shift ;;
    --merge | --finish) mode=${1#--}; shift ;;
    -h | --help) sed -n '2,/^[^#]/s/^# //p' "$self"; exit ;;
    --) shift; more=("$@"); break ;;
    -*) fail "$1: unknown option; see --help" ;;
    *) words+=("$1"); shift ;;
  esac
done
[ ${#words[@]} -eq 2 ] || fail "${#words[@]} words where there must be CONFIG and N; see --help"
config=$(readlink -m "${words[0]}") count=${words[1]}
[ -f "$config" ] || fail "${words[0]}: no such file"
for number in "$count" "$rounds" "$round"; do
  [[ $number =~ ^(0|[1-9][0-9]{0,6})$ ]] || fail "$number: no such number"
done
[ "$count" -gt 0 ] || fail "N is 0; at least one shard"
[ -n "$attnguard" ] || attnguard=$(dirname "$self")/../build/release/src/attnguard
attnguard=$(readlink -m "$attnguard")
[ -x "$attnguard" ] || fail "$attnguard: no executable; build it, or --attnguard FILE"
[ -n "$out" ] || out=traces/$(basename "$config" .json)-$command
out=$(readlink -m "$out") shards=$(readlink -m "$out").shards
# What a shard has while it is unfinished, and what a result has.
case $command in
  campaign) work=chunks summary=$out/summary.json sweep=() ;;
  sweep) work=unfinished summary=$out/sweep.json sweep=(--sweep) ;;
esac

# Both what decides the result and where it goes: a second command must not mix with the first.
claim() {
  local text
  text=$(sha256sum <"$config"; printf '%q ' "$command" "$count" "${more[@]}")
  mkdir -p "$shards/log"
  printf '%s\n' "$text" >"$shards/.command.$$"
  ln "$shards/.command.$$" "$shards/command" 2>/dev/null || true
  rm "$shards/.command.$$"
  [ "$(cat "$shards/command")" = "$text" ] ||
    fail "$shards: holds the shards of another command, configuration, N or options; another --out, or remove it"
  # A merge may have been ended just before it said so.
  if [ -e "$summary" ] && [ "$(sha256_in "$summary")" = "$(sha256_in "$shards/1/shard.json")" ]; then
    touch "$shards/merged"
  fi
  [ ! -e "$out" ] || [ -e "$shards/merged" ] || fail "$out: already holds something else; another --out, or remove it"
}
sha256_in() { grep -m1 -o '"config_sha256": "[^"]*"' "$1" 2>/dev/null || true; }

is_begun() { [ -e "$1/shard.json" ] || [ -e "$1/$work" ]; }
is_finished() { [ -e "$1/shard.json" ] && [ ! -e "$1/$work" ]; }
unfinished() {
  local k
  for ((k = 1; k <= count; ++k)); do is_finished "$shards/$k" || echo "$k"; done
}

# "1-3,7" of numbers, one per line, ascending.
as_ranges() {
  awk 'NR > 1 && $1 == last + 1 { last = $1; next }
       NR > 1 { printf "%s,", first == last ? first : first "-" last }
       { first = last = $1 }
       END { if (NR) print first == last ? first : first "-" last }'
}

run_task() {
  local folder=$shards/$1 how=()
  [[ $1 =~ ^[1-9][0-9]*$ ]] && [ "$1" -le "$count" ] || fail "--task $1: no such shard; 1 to $count"
  ! is_begun "$folder" || how=(--resume)
  exec "$attnguard" "$command" "$config" --shard "$1/$count" --out "$folder" --workers "${SLURM_CPUS_PER_TASK:-1}" \
    --quiet "${how[@]}" "${more[@]}"
}

run_merge() {
  local k folders=() status=0
  [ ! -e "$shards/merged" ] || { echo "finished: $out"; exit 0; }
  for ((k = 1; k <= count; ++k)); do folders+=("$shards/$k"); done
  "$attnguard" merge "$out" "${folders[@]}" --workers "${SLURM_CPUS_PER_TASK:-1}" --quiet || status=$?
  # With results that tell of a bug in a model (3) or an audit that failed (5) the command is over, too.
  [ -e "$summary" ] && touch "$shards/merged"
  exit "$status"
}

# The jobs of this command in the queue, this one apart: `queued FORMAT [-merge]`.
queued() {
  squeue --noheader --array --me --name="$name${2:-}" --format="%A $1" | awk -v me="${SLURM_JOB_ID:-}" '$1 != me { print $2 }'
}

sbatch_job() {
  local id
  id=$(sbatch --parsable "${sbatch_options[@]}" "$@" --self "$self" --out "$out" --attnguard "$attnguard" --rounds "$rounds" \
    --sbatch "${sbatch_options[*]}" "${sweep[@]}" "$config" "$count" -- "${more[@]}")
  echo "${id%%;*}"
}

submit() {
  local in_queue lost wait_for id
  command -v sbatch >/dev/null || fail "no sbatch here; --task and --merge work without Slurm"
  exec 9>"$shards/lock"
  flock 9
  if [ -e "$shards/merged" ]; then echo "finished: $out"; return; fi
  in_queue=$(queued %K)
  lost=$(comm -23 <(unfinished | sort) <(sort <<<"$in_queue") | sort -n | as_ranges)
  if [ -z "$lost" ] && [ -n "$(queued %A -merge)" ]; then
    echo "nothing to submit: the tasks that are not finished and the merge are queued"
    return
  fi
  wait_for=$(queued %F | sort -u)
  if [ -n "$lost" ]; then
    wait_for+=" $(sbatch_job --job-name="$name" --array="$lost" --output="$shards/log/%a.%A" "$self" --task array)"
    echo "submitted: tasks $lost"
  fi
  # One merge, after all of them.
  for id in $(queued %A -merge); do scancel "$id"; done
  local after=()
  for id in $wait_for; do after+=("$id"); done
  [ ${#after[@]} -eq 0 ] || after=("--dependency=afterany$(printf ':%s' "${after[@]}")")
  id=$(sbatch_job --job-name="$name-merge" "${after[@]}" --output="$shards/log/merge.%j" "$self" --finish --round "$round")
  echo "submitted: merge, job $id"
}

claim
name=attnguard-$(sha256sum <<<"$shards" | cut -c1-12)
case $mode in
  task) [ "$task" = array ] && task=$SLURM_ARRAY_TASK_ID; run_task "$task" ;;
  merge) run_merge ;;
  finish)
    lost=$(unfinished | as_ranges)
    [ -n "$lost" ] || run_merge
    [ "$round" -lt "$rounds" ] || fail "tasks $lost are lost, submitted again $rounds times; why: $shards/log"
    echo "tasks $lost are lost"
    round=$((round + 1))
    submit ;;
  submit) submit ;;
esac
