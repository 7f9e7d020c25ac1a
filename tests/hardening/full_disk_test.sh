#!/usr/bin/env bash
# full_disk_test.sh <attnguard>: a small disk that is full, one that is read-only, a folder where another disk is mounted.
# They live in a name space of this script's own; where the system allows none, the test is skipped.
set -euo pipefail
attnguard=$(realpath "$1")
if [ "${IN_NAMESPACE:-}" != 1 ]; then
  unshare -rm true 2> /dev/null || { echo "no user name spaces here"; exit 77; }
  IN_NAMESPACE=1 exec unshare -rm "$0" "$attnguard"
fi

work=$(mktemp -d)
trap 'umount "$work"/* 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
mkdir disk bound
cat > small.json << 'JSON'
{
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"}, "two_check": {"kind": "matmul_abft"}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6, "tokens_k": 6, "head_dim": 4},
  "campaign": {"injections": 1500},
  "sweep": {"mode": "campaign", "grid": {"seed": [1, 2]}}
}
JSON

fail() {
  echo "FAILED: $*"
  cat err
  exit 1
}
# refused <exit code> <text> <arguments...>: one line with the text, nothing on standard output
refused() {
  local code=$1 text=$2 status=0
  shift 2
  "$attnguard" "$@" --quiet > out 2> err || status=$?
  [ "$status" = "$code" ] || fail "$* ended with $status"
  [ "$(wc -l < err)" = 1 ] && grep -qF -- "$text" err && [ ! -s out ] || fail "$* said something else"
}
same() { diff -r --exclude=timing.json "$1" "$2" > err || fail "$1 and $2 differ"; }

for command in run campaign sweep sites calibrate; do
  set=()
  [ $command = calibrate ] && set=(--set calibration.inferences=20)
  "$attnguard" $command small.json "${set[@]}" --quiet --out whole-$command
done

# 1. The disk is full at every size, then grows.
tries=0
for command in run campaign sweep sites calibrate; do
  set=()
  [ $command = calibrate ] && set=(--set calibration.inferences=20)
  for pages in 1 2 3 5 8 13 21 34 55 89; do
    mount -t tmpfs -o size=$((4 * pages))k none disk
    if "$attnguard" $command small.json "${set[@]}" --quiet --workers 2 --out disk/result > out 2> err; then
      umount disk
      break
    fi
    [ "$(wc -l < err)" = 1 ] && grep -q "No space left on device" err || fail "$command on $pages pages"
    ls -A disk | grep -v '^result$' && fail "$command on $pages pages left something"
    tries=$((tries + 1))
    mount -o remount,size=64m disk
    if [ -e disk/result ]; then
      grep -q -- "--resume$" err || fail "does not say how to go on"
      "$attnguard" $command small.json --quiet --workers 2 --out disk/result --resume 2> err || fail "no resume"
    else
      "$attnguard" $command small.json "${set[@]}" --quiet --workers 2 --out disk/result 2> err || fail "not again"
    fi
    same disk/result whole-$command
    umount disk
  done
done
echo "$tries times a command ended on a full disk and went on after there was room"
[ $tries -gt 15 ]

# 2. An earlier result survives the attempt to replace it on a full disk.
mount -t tmpfs -o size=1m none disk
cp -r whole-run disk/result
head -c 2m /dev/zero > disk/fill 2> err || true
refused 2 "No space left on device" campaign small.json --out disk/result --force
same disk/result whole-run
refused 2 "No space left on device" run small.json --out disk/result --force --seed 2
same disk/result whole-run
umount disk

# 3. Read-only: root may write whatever the permissions, so the file system says it.
mkdir inside
cp -r whole-campaign inside/result
mount --bind inside bound
mount -o remount,bind,ro bound
for command in run campaign sweep sites calibrate; do
  refused 2 "Read-only file system" $command small.json --out bound/new
  refused 2 "--out bound/result: not writable; a writable folder" $command small.json --out bound/result --force
done
refused 2 "Read-only file system" replay bound/result 3
refused 2 "Read-only file system" roc bound/result
refused 2 "Read-only file system" report bound/result
"$attnguard" report bound/result --quiet --out page.html
umount bound
same inside/result whole-campaign

# 4. Where a disk is mounted no folder can be put in its place: told before the work.
mount -t tmpfs none disk
refused 2 "--out disk: is a mount point; a folder in it" run small.json --out disk
refused 2 "--out disk: is a mount point; a folder in it" campaign small.json --out disk
umount disk
echo "all as it should be"
