# shellcheck shell=bash
# The Node packages that tests talk to, as their lock file says. Needs common.sh.

# ensure_npm_peers BUILD_DIR: installs them below the build folder; their own
# scripts do not run. Without npm or a registry the tests that want them skip
# themselves.
ensure_npm_peers() {
  local source=$NATKIT_ROOT/tests/system/werift folder=$1/npm log
  if [[ -d $folder/node_modules ]] &&
    cmp -s -- "$source/package-lock.json" "$folder/package-lock.json"; then
    return
  fi
  have npm || { note "no npm here: tests with Node programs will be skipped"; return; }
  mkdir -p -- "$folder"
  cp -- "$source/package.json" "$source/package-lock.json" "$folder/"
  log=$folder/npm.log
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >"$log" 2>&1 || {
    tail -n 5 -- "$log" >&2
    rm -f -- "$folder/package-lock.json"
    note "npm ci failed: tests with Node programs will be skipped"
  }
}
