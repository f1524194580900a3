#!/usr/bin/env bash
# Prepares a Debian 12 machine: packages, and what is built from Debian's
# sources into a cache: BoringSSL, and what libnatkit.so wants in
# another form than Debian's archives have.
# A second run finds nothing to do, says nothing and takes a moment.
#
# usage: setup.sh [--build | --demo | --test]
#   --build  what compiling needs
#   --demo   that, and the programs the demo runs
#   --test   that, and clang 19 for the sanitizer and fuzz builds (the default)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/packages.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/source_package.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/build_once.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/boringssl.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/folded.sh"

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

case ${1:---test} in
  --build) groups=(build) ;;
  --demo) groups=(build demo) ;;
  --test | --all) groups=(build demo test) ;;
  -h | --help) usage && exit ;;
  *) usage >&2 && exit 2 ;;
esac

ensure_packages "${groups[@]}"
ensure_boringssl
ensure_folded
