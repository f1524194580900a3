#!/usr/bin/env bash
# Records the C API as it is in the headers: bindings/c/natkit.symbols,
# bindings/c/abi/natkit.abi, and what the Rust binding has of them. Prints what
# has changed since the last record; for libraries that were released only
# additions will do.
#
# usage: accept-abi.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

(($# == 0)) || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
for program in gcc abidw abidiff python3; do
  have "$program" || die "$program is missing: scripts/setup.sh --test"
done
python3 "$NATKIT_ROOT/scripts/lib/c_abi.py"
python3 "$NATKIT_ROOT/bindings/rust/natkit-sys/generate.py"
