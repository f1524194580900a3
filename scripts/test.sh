#!/usr/bin/env bash
# Sets the machine up, builds, and runs every test.
#
# usage: test.sh [--quick]
#   --quick  the release build and its tests only
#
# Two suites: "fuzz" (clang 19 with ASan and UBSan: unit tests, every corpus and
# ten seconds of every fuzz target) and "release" (g++: unit, simulation and
# system tests). The last lines are the total. Fails if any test fails or any
# build does; a build that failed counts as one failed test.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/build.sh"
. "$NATKIT_ROOT/scripts/lib/namespaces.sh"

total=0
failed=()

main() {
  local presets=(release fuzz) setup=--test built=() preset
  case ${1:-} in
    '') ;;
    --quick) presets=(release) setup=--demo ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
  esac

  "$NATKIT_ROOT/scripts/setup.sh" "$setup"
  for preset in "${presets[@]}"; do
    note "building ${preset} in $(build_dir "$preset")"
    if configure_preset "$preset" && build_preset "$preset"; then
      built=("$preset" "${built[@]}")  # tests run the other way round: release comes last
    else
      count_failure "$preset: the build"
    fi
  done
  for preset in "${built[@]}"; do
    run_suite "$preset"
  done
  print_total
  ((${#failed[@]} == 0))
}

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

count_failure() {
  total=$((total + 1))
  failed+=("$1")
}

# run_suite PRESET: runs ctest and adds its result to the total.
run_suite() {
  local preset=$1 log status=0 count name before=${#failed[@]}
  local ctest=(ctest --test-dir "$(build_dir "$preset")" -j2 --output-on-failure --no-tests=error)
  log=$(build_dir "$preset")/test.log
  note "testing $preset"
  set_sanitizer_options
  with_system_tests "$preset" "${ctest[@]}" 2>&1 | tee -- "$log" || status=$?

  count=$(sed -nE 's/^[0-9]+% tests passed, [0-9]+ tests failed out of ([0-9]+)$/\1/p' "$log")
  total=$((total + ${count:-0}))
  while read -r name; do
    failed+=("$preset: $name")
  done < <(sed -nE '/^The following tests FAILED:/,$s/^[[:space:]]+[0-9]+ - (.*)$/\1/p' "$log")
  if ((status != 0 && ${#failed[@]} == before)); then
    count_failure "$preset: ctest ended with status $status"
  fi
}

# The release suite has tests that build networks out of namespaces; they skip
# themselves where that is impossible.
with_system_tests() {
  local preset=$1 problems
  shift
  if [[ $preset == release ]]; then
    problems=$(namespace_problems)
    if [[ -z $problems ]]; then
      run_with_namespaces "$@"
      return
    fi
    note "system tests will be skipped: ${problems//$'\n'/; }"
  fi
  "$@"
}

set_sanitizer_options() {
  local symbolizer
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
  if symbolizer=$(command -v llvm-symbolizer-19); then
    export ASAN_SYMBOLIZER_PATH=${ASAN_SYMBOLIZER_PATH:-$symbolizer}
  fi
}

# In ctest's own words, over all suites.
print_total() {
  local passed=$((total - ${#failed[@]}))
  if ((${#failed[@]})); then
    printf '\nAll suites together, failed:\n'
    printf '\t%s\n' "${failed[@]}"
  else
    printf '\nAll suites together:\n'
  fi
  printf '\n%d%% tests passed, %d tests failed out of %d\n' \
    "$((total ? passed * 100 / total : 0))" "${#failed[@]}" "$total"
}

main "$@"
