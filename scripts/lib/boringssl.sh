# shellcheck shell=bash
# Builds BoringSSL once per machine, from Debian's source package. Needs common.sh
# and source_package.sh.

BORINGSSL_PACKAGE=android-platform-external-boringssl

boringssl_is_built() {
  [[ -f $1/lib/libcrypto.a && -f $1/lib/libssl.a && -f $1/include/openssl/ssl.h ]]
}

# Makes sure that the build exists. Touches neither network nor disk if it does.
ensure_boringssl() {
  local root
  root=$("$NATKIT_ROOT/scripts/lib/boringssl_root.sh")
  if boringssl_is_built "$root"; then
    return
  fi
  [[ -z ${NATKIT_BORINGSSL_ROOT:-} ]] ||
    die "NATKIT_BORINGSSL_ROOT has no include/openssl, lib/libcrypto.a, lib/libssl.a: $root"
  have apt-get || die "BoringSSL is built from Debian's source package, which needs apt-get;" \
    "elsewhere set NATKIT_BORINGSSL_ROOT to a build of it"
  mkdir -p -- "${root%/*}" || die "cannot write to ${root%/*}: set NATKIT_CACHE to a folder that can be"
  (
    work=${root%/*}/boringssl-work
    exec 9>"${root%/*}/boringssl.lock"
    flock 9
    boringssl_is_built "$root" && exit  # another set-up was faster
    trap 'rm -rf -- "$work"' EXIT
    rm -rf -- "$work"  # of a build that was killed
    mkdir -- "$work"
    build_boringssl "$work" "$root"
  )
}

# build_boringssl WORK ROOT: runs under the lock; WORK is an empty folder.
build_boringssl() {
  local work=$1 root=$2 started=$SECONDS pinned version
  read -r pinned <"$NATKIT_ROOT/cmake/boringssl/version"

  note "BoringSSL: fetching Debian's source package"
  fetch_source "$work" "$BORINGSSL_PACKAGE" "$pinned"
  version=$(<"$work/$BORINGSSL_PACKAGE.version")
  note "BoringSSL: building $version (once per machine, a minute or two)"
  compile_boringssl "$work"
  check_boringssl "$work"

  printf '%s %s\n' "$BORINGSSL_PACKAGE" "$version" >"$work/install/version"
  publish_boringssl "$work/install" "$root" "$pinned" "$version"
  note "BoringSSL: ready in $root ($((SECONDS - started)) s)"
}

compile_boringssl() {
  local work=$1
  use_ccache
  # The folder is a temporary one; without these ccache would never hit.
  export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
  run_logged "$work/configure.log" "configuring BoringSSL" \
    env -u CFLAGS -u CXXFLAGS -u CPPFLAGS -u LDFLAGS \
    cmake -G Ninja -S "$NATKIT_ROOT/cmake/boringssl" -B "$work/build" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/install" \
    -DBORINGSSL_SOURCE_DIR="$work/$BORINGSSL_PACKAGE"
  run_logged "$work/build.log" "building BoringSSL" cmake --build "$work/build"
  run_logged "$work/install.log" "installing BoringSSL" cmake --install "$work/build"
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
