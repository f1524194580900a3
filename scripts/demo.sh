#!/usr/bin/env bash
# Sets the machine up, builds what the demo needs, and runs it. Arguments go to
# scripts/demo/demo.py; try --help.
#
# Runs as root, or without where user namespaces are allowed and /dev/net/tun
# may be opened.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR/..
. "$NATKIT_ROOT/scripts/lib/build.sh"
. "$NATKIT_ROOT/scripts/lib/namespaces.sh"

programs=(stunsrv derpd coordd meshnode natcheck netsim)

demo=$NATKIT_ROOT/scripts/demo/demo.py
[[ -f $demo ]] || die "scripts/demo/demo.py is missing from this checkout"

"$NATKIT_ROOT/scripts/setup.sh" --demo
problems=$(namespace_problems)
[[ -z $problems ]] || die "the demo cannot make its networks here: ${problems//$'\n'/; }"

configure_preset release || die "configuring failed (see above)"
mapfile -t targets < <(known_targets release "${programs[@]}")
((${#targets[@]})) || die "this checkout builds none of: ${programs[*]}"
build_preset release "${targets[@]}" || die "building ${targets[*]} failed (see above)"

run_with_namespaces python3 "$demo" "$@"
