# shellcheck shell=bash
# Fetches Debian's source packages for what is built from them. Needs common.sh.

# fetch_source WORK PACKAGE VERSION: downloads into WORK, unpacks into WORK/PACKAGE
# and records the version in WORK/PACKAGE.version; it is another if Debian has
# that one no more.
fetch_source() {
  local work=$1 package=$2 version=$3 served
  private_apt_options "$work"
  [[ -f $work/update.log ]] || update_private_apt "$work"
  served=$(apt-cache "${apt_options[@]}" showsrc --only-source "$package" 2>/dev/null |
    sed -n 's/^Version: //p' || true)
  if [[ -z $served ]]; then
    tail -n 20 -- "$work/update.log" >&2
    die "apt finds no source package $package; Debian 12 has it in 'main'"
  fi
  if ! grep -qxF -- "$version" <<<"$served"; then
    note "$package: Debian serves ${served//$'\n'/, } and not $version;" \
      "taking ${served%%$'\n'*}"
    version=${served%%$'\n'*}
  fi
  mkdir -- "$work/$package.download"
  (
    cd -- "$work/$package.download" || exit
    run_logged "$work/$package.log" "the download of $package $version" \
      apt-get "${apt_options[@]}" source --download-only --only-source "$package=$version"
    run_logged "$work/$package.log" "dpkg-source" dpkg-source --extract ./*.dsc "$work/$package"
  )
  printf '%s\n' "$version" >"$work/$package.version"
}

# Sets apt_options. apt works on private copies of its lists and sources, so the
# machine's own configuration stays as it is. It checks signatures and hashes as
# always; dpkg-source checks the hashes again.
private_apt_options() {
  apt_options=(
    -o "Dir::Etc::SourceList=/dev/null"
    -o "Dir::Etc::SourceParts=$1/apt/sources.list.d"
    -o "Dir::State::Lists=$1/apt/lists"
    -o "Dir::Cache=$1/apt/cache"
    -o "APT::Sandbox::User=root"
  )
}

update_private_apt() {
  mkdir -p -- "$1/apt/sources.list.d" "$1/apt/lists/partial" "$1/apt/cache/archives/partial"
  write_source_entries "$1/apt/sources.list.d"
  # One broken third-party repository must not matter: what counts is whether
  # the package is found.
  apt-get "${apt_options[@]}" update >"$1/update.log" 2>&1 || true
}

# The machine's own apt sources, with each "deb" turned into "deb-src".
write_source_entries() {
  local into=$1 list parts file
  list=$(apt-config shell value Dir::Etc::sourcelist/f)
  parts=$(apt-config shell value Dir::Etc::sourceparts/d)
  list=${list#value=\'} list=${list%\'}
  parts=${parts#value=\'} parts=${parts%\'}
  for file in "$list" "${parts%/}"/*.list; do
    [[ -r $file ]] || continue
    sed -nE 's/^[[:space:]]*deb([[:space:]])/deb-src\1/p' -- "$file"
  done >"$into/natkit.list"
  for file in "${parts%/}"/*.sources; do
    [[ -r $file ]] || continue
    sed -E 's/^Types:.*/Types: deb-src/' -- "$file"
    echo
  done >"$into/natkit.sources"
}
