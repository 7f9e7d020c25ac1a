#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, as root or through sudo. The other scripts run it.
# usage: scripts/setup.sh [test]      `test` adds what the tests and benchmarks need
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -le 1 ] && [[ ${1:-test} == test ]] || refuse "${*: -1}: unknown argument"

packages=(g++ cmake ninja-build pkg-config git
  libsystemc-dev libboost-program-options-dev libboost-math-dev nlohmann-json3-dev
  libhwy-dev librandom123-dev libfmt-dev libssl-dev libjs-vega)
[ "${1:-}" = test ] && packages+=(libgtest-dev libgmock-dev libbenchmark-dev python3 chromium chromium-driver verilator gtkwave
  dpkg-dev file locales clang libclang-rt-14-dev slurmctld slurmd slurm-client munge parallel gcovr)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: every package is installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
