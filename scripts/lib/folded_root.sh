#!/usr/bin/env bash
# Prints the folder of the cached libraries that go into libnatkit.so; its name
# has the versions of the headers that the build uses.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

if [[ -n ${NATKIT_FOLDED_ROOT:-} ]]; then
  printf '%s\n' "$NATKIT_FOLDED_ROOT"
  exit
fi

cache=$(natkit_cache)
[[ $cache == /* ]] || die "NATKIT_CACHE and XDG_CACHE_HOME must be absolute: '$cache'"
hash=$(sha256sum <"$NATKIT_ROOT/cmake/folded/CMakeLists.txt")
printf '%s/folded-protobuf-%s-uv-%s-%s-%s\n' "$cache" "$(pkg-config --modversion protobuf-lite)" \
  "$(pkg-config --modversion libuv)" "${hash:0:12}" "$(uname -m)"
