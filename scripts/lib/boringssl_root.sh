#!/usr/bin/env bash
# Prints the folder of the cached BoringSSL build that this checkout wants.
#
# The one place that knows the path: setup.sh fills it, cmake/BoringSSL.cmake
# reads it. Its name has the Debian version, a hash of the recipe and the
# machine, so two checkouts that differ in one of them do not share a build.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

if [[ -n ${NATKIT_BORINGSSL_ROOT:-} ]]; then
  printf '%s\n' "$NATKIT_BORINGSSL_ROOT"
  exit
fi

recipe=$NATKIT_ROOT/cmake/boringssl
cache=$(natkit_cache)
[[ $cache == /* ]] || die "NATKIT_CACHE and XDG_CACHE_HOME must be absolute: '$cache'"
read -r version <"$recipe/version"
hash=$(sha256sum <"$recipe/CMakeLists.txt")
printf '%s/boringssl-%s-%s-%s\n' "$cache" "$version" "${hash:0:12}" "$(uname -m)"
