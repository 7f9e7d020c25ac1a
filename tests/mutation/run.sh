#!/usr/bin/env bash
# Shows that the tests notice mistakes: every mutant of mutants.txt, one mistake in a copy of the source tree, must make
# each of the tests that it names fail.
#
#   run.sh WORK [MUTANT...]             all of them, or some; WORK, a directory for the copy, its build and the logs, is emptied
#   run.sh --resume WORK [MUTANT...]    goes on in WORK: takes over what has changed in the tree, leaves out who was killed
#   run.sh --check BUILD                makes nothing: every mutant changes its file, and its tests exist in the build tree BUILD
#
# Exit code 1 unless all are killed. Compiler flags and launcher come from CXXFLAGS and CMAKE_CXX_COMPILER_LAUNCHER.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

export SC_COPYRIGHT_MESSAGE=DISABLE

die() { echo "$*" >&2; exit 2; }

names=()
declare -A file tests before after
read_list() {
  local line name=""
  while IFS= read -r line; do
    case $line in
      "mutant: "*)
        name=${line#mutant: }
        [ -z "${file[$name]+set}" ] || die "mutants.txt: $name stands there twice"
        names+=("$name")
        file[$name]="" tests[$name]="" before[$name]="" after[$name]="" ;;
      "mistake: "* | "#"* | "") ;;
      "file: "*) file[$name]=${line#file: } ;;
      "test: "*) tests[$name]+=${line#test: }$'\n' ;;
      "- "*) before[$name]+=${before[$name]:+$'\n'}${line#- } ;;
      "+ "*) after[$name]+=${after[$name]:+$'\n'}${line#+ } ;;
      *) die "mutants.txt: $line" ;;
    esac
  done < "$here/mutants.txt"
}

# The file $2 with the mistake of mutant $1, to stdout; fails unless there is exactly one place for it.
mutate() {
  BEFORE=${before[$1]} AFTER=${after[$1]} perl -0777 -ne \
    '$places = s/\Q$ENV{BEFORE}\E/$ENV{AFTER}/g; print; exit($places != 1 || $ENV{BEFORE} eq $ENV{AFTER})' "$2"
}

tests_of() { local name; for name in "$@"; do printf '%s' "${tests[$name]}"; done | sort -u; }

check() {  # BUILD
  local name test filter bad=0
  for name in "${names[@]}"; do
    mutate "$name" "$root/${file[$name]}" > /dev/null || { echo "$name: not exactly one place in ${file[$name]}"; bad=1; }
    [ -n "${tests[$name]}" ] || { echo "$name: no test"; bad=1; }
  done
  while read -r test filter; do
    [ "$test" != audit ] || continue
    "$1/tests/$test" --gtest_list_tests --gtest_filter="${filter:-*}" | grep '^  ' > /dev/null ||
      { echo "no test $test $filter"; bad=1; }
  done < <(tests_of "${names[@]}")
  [ $bad -eq 0 ] && echo "${#names[@]} mutants"
}

# Into the copy goes only what differs, so that nothing else is compiled again.
copy_tree() {
  local path
  (cd "$root" && find . \( -path ./build -o -path ./traces -o -path ./.git \) -prune -o -type f -print0) |
    while IFS= read -r -d '' path; do
      cmp -s "$root/$path" "$source/$path" || { mkdir -p "$source/${path%/*}" && cp "$root/$path" "$source/$path"; }
    done
}

build() {  # LOG MUTANT...: what their tests need
  local targets
  mapfile -t targets < <(tests_of "${@:2}" | sed 's/ .*//; s/^audit$/attnguard/' | sort -u)
  cmake --build "$build" -j "$(nproc)" --target "${targets[@]}" > "$1" 2>&1
}

# 5 is the exit code of a campaign of which a repeated injection differs; what differs is in audit.csv.
audit() {
  local code=0
  "$build/src/attnguard" campaign "$here/audit.json" --quiet --force --audit 800 --out "$work/audit" "$@" || code=$?
  [ $code -ne 5 ] || [ -s "$work/audit/audit.csv" ] || code=1
  return $code
}

run_test() {  # LOG TEST: as a list entry names it
  local words
  read -ra words <<< "$2"
  (
    cd "$source"
    case ${words[0]} in
      audit) audit "${words[@]:1}" ;;
      *) timeout 600 "$build/tests/${words[0]}" --gtest_fail_fast --gtest_filter="${words[1]:--*Long.*}" ;;
    esac
  ) > "$1" 2>&1 < /dev/null
}

# What becomes of mutant $1: killed by all its tests, or why not.
verdict() {
  local original=$work/original path=$source/${file[$1]} log=$work/logs/$1 what=killed test code
  cp "$path" "$original"
  if ! mutate "$1" "$original" > "$path"; then
    echo "changes nothing"
  elif ! build "$log.build" "$1"; then
    echo "does not compile"
  else
    while read -r test; do
      code=0
      run_test "$log.${test%% *}" "$test" || code=$?
      case $test in
        audit*) [ $code -eq 5 ] || what="SURVIVES audit" ;;
        *) [ $code -ne 0 ] || what="SURVIVES ${test%% *}" ;;
      esac
    done < <(tests_of "$1")
    echo "$what"
  fi
  cp "$original" "$path"  # with a new time, so that it is compiled again
}

read_list
case "${1:-}" in
  --check) check "${2:?BUILD}"; exit ;;
  --resume) resume=1; shift ;;
  *) resume=0 ;;
esac
work=${1:?WORK}
shift
[ $# -gt 0 ] || set -- "${names[@]}"
for name in "$@"; do [ -n "${file[$name]:-}" ] || die "no mutant $name"; done

[ $resume -eq 1 ] || rm -rf "$work"
mkdir -p "$work/source" "$work/killed" "$work/logs"
work=$(cd "$work" && pwd)
source=$work/source
build=$source/build/release
export ATTNGUARD=$build/src/attnguard
left=()
for name in "$@"; do [ -s "$work/killed/$name" ] || left+=("$name"); done
if [ ${#left[@]} -gt 0 ]; then
  copy_tree
  cmake -S "$source" --preset release -DATTNGUARD_BUILD_TESTS=ON > "$work/logs/cmake"
  build "$work/logs/build" "${left[@]}" || { tail -n 20 "$work/logs/build"; die "does not compile without a mutant"; }
  while read -r test; do
    run_test "$work/logs/unchanged" "$test" || { tail -n 20 "$work/logs/unchanged"; die "fails without a mutant: $test"; }
  done < <(tests_of "${left[@]}")
fi

killed=0
for name in "$@"; do
  if [ ! -s "$work/killed/$name" ]; then
    SECONDS=0
    what=$(verdict "$name")
    row=$(printf '%-56s %-10s %4d s   %s' "$name" "$what" $SECONDS "$(paste -sd, <<< "${tests[$name]%$'\n'}")")
    if [ "$what" = killed ]; then echo "$row" > "$work/killed/$name"; else echo "$row"; continue; fi
  fi
  cat "$work/killed/$name"
  killed=$((killed + 1))
done
echo "$# mutants, $killed killed"
[ $killed -eq $# ]
