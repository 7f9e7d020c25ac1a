#!/bin/sh
# The Debian packages that `cpack` makes. attnguard is installed by dpkg, which checks its dependencies, into a root that holds
# nothing but the packages it declares and theirs, and runs there.
#   package_test.sh <attnguard build folder> <scratch folder>
# The files of the dependencies are this machine's. Not shown: their download by apt, and libattnguard-dev in a clean root.
set -eu
build=$1 scratch=$2
fail() { echo "package_test: $*" >&2; exit 1; }

if [ "$(id -u)" -ne 0 ]; then
  unshare --map-root-user true 2>/dev/null || { echo "package_test: skipped: neither root nor user namespaces"; exit 77; }
  exec unshare --map-root-user "$0" "$@"
fi

rm -rf "$scratch"
mkdir -p "$scratch"
cpack --config "$build/CPackConfig.cmake" -B "$scratch" >"$scratch/log" 2>&1 || { tail -20 "$scratch/log"; fail cpack; }
tool=$(ls "$scratch"/attnguard_*.deb) dev=$(ls "$scratch"/libattnguard-dev_*.deb)

# One installed package per comma: the first of its alternatives that is.
installed_names() {
  tr ',' '\n' | while read -r alternatives; do
    test -n "$alternatives" || continue
    for name in $(echo "$alternatives" | sed 's/([^)]*)//g; s/|/ /g; s/:any//g'); do
      if dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed'; then echo "$name"; break; fi
    done
  done
}
closure=
todo=$(dpkg-deb -f "$tool" Depends | installed_names)
test -n "$todo" || fail "no dependencies declared"
echo "$todo" | grep -q '^libsystemc' || fail "libsystemc is not among $todo"
while [ -n "$todo" ]; do
  closure="$closure $todo"
  next=
  for name in $(dpkg-query -W -f '${Depends},${Pre-Depends},' $todo | installed_names | sort -u); do
    case " $(echo $closure) " in *" $name "*) ;; *) next="$next $name" ;; esac
  done
  todo=$next
done

# The clean root.
root=$scratch/root
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/tmp" "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
dpkg -L $closure | sort -u | while read -r file; do
  if [ -L "$file" ] || [ -f "$file" ]; then echo "$file"; fi
done >"$scratch/files"
tar -C / --no-recursion -cf - -T "$scratch/files" 2>/dev/null | tar -C "$root" --keep-directory-symlink -xf -
dpkg-query -s $closure >"$root/var/lib/dpkg/status"
for name in $closure; do cp /var/lib/dpkg/info/"$name".list /var/lib/dpkg/info/"$name":*.list "$root/var/lib/dpkg/info" 2>/dev/null || true; done
test ! -e "$root/usr/bin/attnguard" || fail "the root is not clean"

dpkg --root="$root" --install "$tool" >>"$scratch/log" 2>&1 || { tail "$scratch/log"; fail "dpkg --install"; }
for arguments in --version 'selftest --quiet' 'run /usr/share/attnguard/configs/tiny_gpt.json --quiet --out /tmp/run' \
  'campaign /usr/share/attnguard/configs/tiny_gpt.json --quiet --set campaign.injections=500 --workers 2 --out /tmp/campaign'; do
  chroot "$root" /usr/bin/attnguard $arguments || fail "$arguments"
done
"$build/src/attnguard" run "$root/usr/share/attnguard/configs/tiny_gpt.json" --quiet --out "$scratch/run"
cmp "$root/tmp/run/output.npy" "$scratch/run/output.npy" || fail "another output"

# The dependencies are needed: without libsystemc dpkg refuses.
systemc=$(echo "$closure" | tr ' ' '\n' | grep '^libsystemc')
dpkg --root="$root" --purge attnguard >>"$scratch/log" 2>&1
dpkg-query -s $(echo "$closure" | tr ' ' '\n' | grep -v '^libsystemc') >"$root/var/lib/dpkg/status"
if dpkg --root="$root" --install "$tool" >"$scratch/refused" 2>&1; then fail "installed without $systemc"; fi
grep -q "depends on $systemc" "$scratch/refused" || { cat "$scratch/refused"; fail "no word of $systemc"; }

dpkg-deb -c "$dev" >"$scratch/dev_files"
dpkg-deb -c "$tool" >"$scratch/tool_files"
for file in usr/lib/cmake/attnguard/attnguard-config.cmake usr/lib/libattnguard_models.a usr/lib/libattnguard_sim.a \
  usr/include/attnguard/models/accelerator/accelerator.h usr/share/attnguard/examples/own_checker/mass_check.cpp; do
  grep -q "$file" "$scratch/dev_files" || fail "no $file in $dev"
  if grep -q "$file" "$scratch/tool_files"; then fail "$file in $tool"; fi
done
dpkg-deb -f "$dev" Depends | tr ',' '\n' | while read -r name; do
  dpkg-query -W "$name" >/dev/null || fail "$dev depends on $name, which is not installed"
done
echo "packages: $(du -h "$tool" "$dev" | awk '{ n = split($2, path, "/"); printf "%s %s; ", path[n], $1 }')$(echo $closure | wc -w) packages in the root"
