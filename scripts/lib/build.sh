# shellcheck shell=bash
# Configures and builds one preset of CMakePresets.json. Needs common.sh.

# The build folder of a preset, as CMakePresets.json has it.
build_dir() {
  case $1 in
    release) printf '%s\n' "$NATKIT_ROOT/build" ;;
    asan-ubsan) printf '%s\n' "$NATKIT_ROOT/build-asan" ;;
    *) printf '%s\n' "$NATKIT_ROOT/build-$1" ;;
  esac
}

configure_preset() {
  (cd -- "$NATKIT_ROOT" && cmake --preset "$1" >/dev/null)
}

# build_preset PRESET [TARGET...]: quiet but for warnings and errors; on a
# terminal ninja's one line of progress stays.
build_preset() {
  local arguments=(--build "$(build_dir "$1")" --parallel "$(nproc)")
  (($# == 1)) || arguments+=(--target "${@:2}")
  if [[ -t 1 ]]; then
    cmake "${arguments[@]}"
  else
    cmake "${arguments[@]}" -- --quiet | sed '/^ninja: no work to do\.$/d'
  fi
}

# Those of the named targets that the preset's build knows.
known_targets() {
  local targets
  targets=$(ninja -C "$(build_dir "$1")" -t targets all | sed -n 's/: phony$//p')
  shift
  printf '%s\n' "$@" | grep -xF -f <(printf '%s\n' "$targets") || true
}
