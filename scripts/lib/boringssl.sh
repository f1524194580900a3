# shellcheck shell=bash
# Builds BoringSSL once per machine, from Debian's source package. Needs common.sh,
# source_package.sh and build_once.sh.

BORINGSSL_PACKAGE=android-platform-external-boringssl

boringssl_is_built() {
  [[ -f $1/lib/libcrypto.a && -f $1/lib/libssl.a && -f $1/include/openssl/ssl.h ]]
}

# Makes sure that the build exists.
ensure_boringssl() {
  local root
  root=$("$NATKIT_ROOT/scripts/lib/boringssl_root.sh")
  [[ -z ${NATKIT_BORINGSSL_ROOT:-} ]] || boringssl_is_built "$root" ||
    die "NATKIT_BORINGSSL_ROOT has no include/openssl, lib/libcrypto.a, lib/libssl.a: $root"
  build_once boringssl "$root" "BoringSSL is built from Debian's source package, which needs apt-get; \
elsewhere set NATKIT_BORINGSSL_ROOT to a build of it"
}

# build_boringssl WORK ROOT: see build_once.
build_boringssl() {
  local work=$1 root=$2 started=$SECONDS pinned version
  read -r pinned <"$NATKIT_ROOT/cmake/boringssl/version"

  note "BoringSSL: fetching Debian's source package"
  fetch_source "$work" "$BORINGSSL_PACKAGE" "$pinned"
  version=$(<"$work/$BORINGSSL_PACKAGE.version")
  note "BoringSSL: building $version (once per machine, a minute or two)"
  build_in "$work" BoringSSL "$NATKIT_ROOT/cmake/boringssl" \
    -DBORINGSSL_SOURCE_DIR="$work/$BORINGSSL_PACKAGE"
  check_boringssl "$work"

  printf '%s %s\n' "$BORINGSSL_PACKAGE" "$version" >"$work/install/version"
  publish_boringssl "$work/install" "$root" "$pinned" "$version"
  note "BoringSSL: ready in $root ($((SECONDS - started)) s)"
}

# A cached build has proved that it works and that it hides its symbols.
check_boringssl() {
  local work=$1 exported
  run_logged "$work/selfcheck.log" "BoringSSL's selfcheck" "$work/build/selfcheck"
  exported=$(nm -D --defined-only "$work/build/libselfcheck_shared.so" | awk '{print $3}')
  [[ $exported == natkit_boringssl_selfcheck ]] ||
    die "a shared library with BoringSSL inside exports its symbols: ${exported//$'\n'/ }"
}

# publish_boringssl FROM ROOT PINNED VERSION: one rename. If Debian served
# another version, ROOT becomes a link to a folder whose name tells the truth.
publish_boringssl() {
  local from=$1 root=$2 pinned=$3 version=$4 real
  real=${root%/*}/boringssl-$version-${root##*/boringssl-"$pinned"-}
  rm -rf -- "$real"
  mv -T -- "$from" "$real"
  if [[ $real != "$root" ]]; then
    ln -sfnT -- "${real##*/}" "$root"
  fi
}
