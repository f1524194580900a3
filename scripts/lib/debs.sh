# shellcheck shell=bash
# Debian packages that tests run but nobody should install for them: their
# installation would change this machine's DNS. Needs common.sh.

# ensure_unpacked_debs BUILD_DIR: unpacks each below BUILD_DIR/debs. Without apt-get
# or a mirror the tests that want them skip themselves.
ensure_unpacked_debs() {
  local folder=$1/debs package
  if ! have apt-get || ! have dpkg-deb; then
    note "no apt-get here: tests with resolvconf and systemd-resolved will be skipped"
    return
  fi
  for package in resolvconf openresolv systemd-resolved libsystemd-shared; do
    [[ -d $folder/$package ]] || unpack_deb "$folder" "$package"
  done
}

unpack_deb() {
  local folder=$1 package=$2 fetched
  fetched=$(mktemp -d)
  if (cd -- "$fetched" && apt-get -qq download "$package" >/dev/null 2>&1) &&
    dpkg-deb -x "$fetched/$package"_*.deb "$fetched/root"; then
    mkdir -p -- "$folder"
    mv -- "$fetched/root" "$folder/$package"
  else
    note "cannot fetch $package: tests with it will be skipped"
  fi
  rm -rf -- "$fetched"
}
