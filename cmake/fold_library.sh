#!/usr/bin/env bash
# Folds the C API and all that it needs into one relocatable object whose only
# global symbols are natkit_*, so that neither the program's own OpenSSL nor its
# C++ library can meet ours.
#
# usage: fold_library.sh OUT API_ARCHIVE FILE...
#   OUT          the object to write
#   API_ARCHIVE  its natkit_* functions are what is kept, with all they use
#   FILE         objects, then archives in any order
# $STRIP may be --strip-debug.
# GNU binutils in $LD, $NM, $OBJCOPY and $READELF, by default those on PATH.
set -euo pipefail

out=$1 api=$2
shift
ld=${LD:-ld.bfd} nm=${NM:-nm} objcopy=${OBJCOPY:-objcopy} readelf=${READELF:-readelf}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

"$nm" --defined-only --extern-only --format=posix "$api" |
  sed -n 's/^\(natkit_[a-z0-9_]*\) T .*/--undefined=\1/p' | sort -u >"$work/roots"
[[ -s $work/roots ]] || { echo "$api defines no natkit_* function" >&2; exit 1; }

# g++ refers to it weakly, which pulls nothing out of an archive.
echo "--undefined=__cxa_pure_virtual" >>"$work/roots"

# Groups are resolved here: left in place, a C++ program's copy of an inline
# function would replace ours when it is linked, and with another layout.
wrap=()
for name in malloc free calloc realloc aligned_alloc posix_memalign strdup strndup; do
  wrap+=("--wrap=$name")
done
"$ld" -r --force-group-allocation --gc-sections "${wrap[@]}" "@$work/roots" \
  -o "$work/whole.o" --start-group "$@" --end-group

# Unique symbols (g++'s for static data of inline functions) would stay global,
# so they become weak ones first. What the removed sections referred to is still
# in the symbol table.
"$nm" --defined-only --format=posix "$work/whole.o" | sed -n 's/ u .*//p' >"$work/unique"
"$readelf" --symbols --wide "$work/whole.o" |
  awk '$5 == "LOCAL" && $7 == "UND" && $8 != "" { print $8 }' >"$work/left"
"$objcopy" ${STRIP:+"$STRIP"} --weaken-symbols="$work/unique" \
  --strip-symbols="$work/left" "$work/whole.o" "$work/weak.o"
"$objcopy" --wildcard --keep-global-symbol='natkit_*' "$work/weak.o" "$work/local.o"
mv -- "$work/local.o" "$out"
