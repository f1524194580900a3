#!/usr/bin/env bash
# Sets the machine up, builds, and runs every test.
#
# usage: test.sh [--quick]
#   --quick  the release build and its tests only
#
# Two suites: "fuzz" (clang 19 with ASan and UBSan: unit tests, every corpus and
# five seconds of every fuzz target) and "release" (g++: unit, simulation and
# system tests). Both run under one ctest, whose summary comes last. Fails if any
# build or test fails.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/build.sh"
. "$NATKIT_ROOT/scripts/lib/namespaces.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/npm.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/debs.sh"

main() {
  local presets=(release fuzz) broken=() built=() preset
  case ${1:-} in
    '') ;;
    --quick) presets=(release) ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
  esac

  "$NATKIT_ROOT/scripts/setup.sh" --test
  for preset in "${presets[@]}"; do
    note "building ${preset} in $(build_dir "$preset")"
    if configure_preset "$preset" && build_checks "$preset"; then
      built+=("$preset")
    else
      broken+=("$preset")
    fi
  done
  ((${#broken[@]} == 0)) || die "these builds failed (see above): ${broken[*]}"
  ensure_npm_peers "$(build_dir release)"
  ensure_unpacked_debs "$(build_dir release)"
  run_suites "${built[@]}"
}

# The sanitized build makes what its tests need, and no programs.
build_checks() {
  if [[ $1 == release ]]; then
    build_preset "$1"
  else
    build_preset "$1" natkit_checks
  fi
}

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

# One ctest over all build trees, so that its own summary counts everything and
# comes last.
run_suites() {
  local suites preset
  suites=$(build_dir release)/suites
  mkdir -p -- "$suites"
  for preset in "$@"; do
    printf 'subdirs("%s")\n' "$(build_dir "$preset")"
  done >"$suites/CTestTestfile.cmake"
  note "testing $*"
  set_sanitizer_options
  with_system_tests ctest --test-dir "$suites" -j2 --output-on-failure --no-tests=error
}

# The release suite has tests that build networks out of namespaces; they skip
# themselves, and say why, where that is impossible.
with_system_tests() {
  local problems
  problems=$(namespace_problems)
  if [[ -z $problems ]]; then
    run_with_namespaces "$@"
  else
    note "system tests will be skipped: ${problems//$'\n'/; }"
    "$@"
  fi
}

set_sanitizer_options() {
  local symbolizer
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
  if symbolizer=$(command -v llvm-symbolizer-19); then
    export ASAN_SYMBOLIZER_PATH=${ASAN_SYMBOLIZER_PATH:-$symbolizer}
  fi
}

main "$@"
