# shellcheck shell=bash
# What every script here shares. Source it; it runs nothing.

# The checkout. Scripts work from any current directory.
# shellcheck disable=SC2034  # for those who source this
NATKIT_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)

note() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
  note "$*"
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# run_logged LOG WHAT COMMAND...: quiet on success; on failure prints the end
# of the command's output and stops.
run_logged() {
  local log=$1 what=$2
  shift 2
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 -- "$log" >&2
    die "$what failed (its output is above)"
  fi
}

# The folder for what outlives a build folder and is shared by checkouts.
natkit_cache() {
  local home
  if [[ -n ${NATKIT_CACHE:-} ]]; then
    printf '%s\n' "$NATKIT_CACHE"
  elif [[ -n ${XDG_CACHE_HOME:-} ]]; then
    printf '%s\n' "$XDG_CACHE_HOME/natkit"
  else
    home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
    printf '%s\n' "${home:-/root}/.cache/natkit"
  fi
}

# Compiles through ccache where it is installed, unless the caller chose.
use_ccache() {
  have ccache || return 0
  export CMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER-ccache}
  export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
}
