# shellcheck shell=bash
# Builds what goes into libnatkit.so and is not fit for it as Debian has it
# (cmake/folded/CMakeLists.txt says why), once per machine, from Debian's source
# packages. Needs common.sh, source_package.sh and build_once.sh.

folded_is_built() {
  [[ -f $1/libprotobuf-lite.a && -f $1/libuv.a ]]
}

# Makes sure that the build exists.
ensure_folded() {
  local root
  root=$("$NATKIT_ROOT/scripts/lib/folded_root.sh")
  [[ -z ${NATKIT_FOLDED_ROOT:-} ]] || folded_is_built "$root" ||
    die "NATKIT_FOLDED_ROOT has no libprotobuf-lite.a, libuv.a: $root"
  build_once folded "$root" "Protobuf and libuv are built from Debian's source packages, which needs apt-get; \
elsewhere set NATKIT_FOLDED_ROOT to a folder with a libprotobuf-lite.a and a libuv.a for shared libraries, and their \
licenses/protobuf and licenses/libuv"
}

# build_folded WORK ROOT: see build_once.
build_folded() {
  local work=$1 root=$2 started=$SECONDS
  note "Protobuf, libuv: fetching Debian's source packages"
  fetch_source "$work" protobuf "$(dpkg-query -W -f='${source:Version}' libprotobuf-dev)"
  fetch_source "$work" libuv1 "$(dpkg-query -W -f='${source:Version}' libuv1-dev)"
  note "Protobuf, libuv: building (once per machine, a minute or two)"
  build_in "$work" "Protobuf and libuv" "$NATKIT_ROOT/cmake/folded" \
    -DPROTOBUF_SOURCE_DIR="$work/protobuf" -DUV_SOURCE_DIR="$work/libuv1"
  cp -- "$work"/*.version "$work/install"
  rm -rf -- "$root"
  mv -T -- "$work/install" "$root"
  folded_is_built "$root" || die "the build of Protobuf and libuv has left something out: $root"
  note "Protobuf, libuv: ready in $root ($((SECONDS - started)) s)"
}
