# shellcheck shell=bash
# Builds what goes into libnatkit.so and is not fit for it as Debian has it
# (cmake/folded/CMakeLists.txt says why), once per machine, from Debian's source
# packages. Needs common.sh and source_package.sh.

folded_is_built() {
  [[ -f $1/libprotobuf-lite.a && -f $1/libuv.a ]]
}

# Makes sure that the build exists. Touches neither network nor disk if it does.
ensure_folded() {
  local root
  root=$("$NATKIT_ROOT/scripts/lib/folded_root.sh")
  if folded_is_built "$root"; then
    return
  fi
  [[ -z ${NATKIT_FOLDED_ROOT:-} ]] ||
    die "NATKIT_FOLDED_ROOT has no libprotobuf-lite.a, libuv.a: $root"
  have apt-get || die "Protobuf and libuv are built from Debian's source packages, which needs apt-get;" \
    "elsewhere set NATKIT_FOLDED_ROOT to a folder with a libprotobuf-lite.a and a libuv.a for shared libraries"
  mkdir -p -- "${root%/*}" || die "cannot write to ${root%/*}: set NATKIT_CACHE to a folder that can be"
  (
    work=${root%/*}/folded-work
    exec 9>"${root%/*}/folded.lock"
    flock 9
    folded_is_built "$root" && exit  # another set-up was faster
    trap 'rm -rf -- "$work"' EXIT
    rm -rf -- "$work"  # of a build that was killed
    mkdir -- "$work"
    build_folded "$work" "$root"
  )
}

# build_folded WORK ROOT: runs under the lock; WORK is an empty folder.
build_folded() {
  local work=$1 root=$2 started=$SECONDS
  note "Protobuf, libuv: fetching Debian's source packages"
  fetch_source "$work" protobuf "$(dpkg-query -W -f='${source:Version}' libprotobuf-dev)"
  fetch_source "$work" libuv1 "$(dpkg-query -W -f='${source:Version}' libuv1-dev)"
  note "Protobuf, libuv: building (once per machine, a minute or two)"
  use_ccache
  # The folder is a temporary one; without these ccache would never hit.
  export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
  run_logged "$work/configure.log" "configuring Protobuf and libuv" \
    env -u CFLAGS -u CXXFLAGS -u CPPFLAGS -u LDFLAGS \
    cmake -G Ninja -S "$NATKIT_ROOT/cmake/folded" -B "$work/build" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/install" \
    -DPROTOBUF_SOURCE_DIR="$work/protobuf" -DUV_SOURCE_DIR="$work/libuv1"
  run_logged "$work/build.log" "building Protobuf and libuv" cmake --build "$work/build"
  run_logged "$work/install.log" "installing Protobuf and libuv" cmake --install "$work/build"
  cp -- "$work"/*.version "$work/install"
  rm -rf -- "$root"
  mv -T -- "$work/install" "$root"
  folded_is_built "$root" || die "the build of Protobuf and libuv has left something out: $root"
  note "Protobuf, libuv: ready in $root ($((SECONDS - started)) s)"
}
