# shellcheck shell=bash
# What is built once per machine, from Debian's source packages, into a cache.
# Needs common.sh.

# build_once NAME ROOT HINT: makes sure that ROOT exists. A program NAME brings
# NAME_is_built ROOT and build_NAME WORK ROOT, which runs under a lock; WORK is an
# empty folder. HINT is for machines without apt-get. Touches neither network nor
# disk if ROOT is there.
build_once() {
  local name=$1 root=$2 hint=$3 work=${2%/*}/$1-work
  if "${name}_is_built" "$root"; then
    return
  fi
  have apt-get || die "$hint"
  mkdir -p -- "${root%/*}" || die "cannot write to ${root%/*}: set NATKIT_CACHE to a folder that can be"
  (
    exec 9>"${root%/*}/$name.lock"
    flock 9
    "${name}_is_built" "$root" && exit  # another set-up was faster
    # shellcheck disable=SC2064  # the name goes with this function
    trap "rm -rf -- ${work@Q}" EXIT
    rm -rf -- "$work"  # of a build that was killed
    mkdir -- "$work"
    "build_$name" "$work" "$root"
  )
}

# build_in WORK WHAT SOURCE ARGUMENT...: configures SOURCE with the arguments,
# builds it in WORK/build and installs it to WORK/install.
build_in() {
  local work=$1 what=$2 source=$3
  shift 3
  use_ccache
  # The folder is a temporary one; without these ccache would never hit.
  export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
  run_logged "$work/configure.log" "configuring $what" \
    env -u CFLAGS -u CXXFLAGS -u CPPFLAGS -u LDFLAGS \
    cmake -G Ninja -S "$source" -B "$work/build" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/install" "$@"
  run_logged "$work/build.log" "building $what" cmake --build "$work/build"
  run_logged "$work/install.log" "installing $what" cmake --install "$work/build"
}
