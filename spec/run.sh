#!/usr/bin/env bash
# run.sh [FILE]: checks every case of FILE (cases.txt), one line a case. Needs spin and gcc. CAP: the seconds that one case may take.
# A case is `ok` when the search of all states is complete and finds nothing, `bad` when it finds a violation; anything else is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export here work

# One line of the file of cases; fails if the verdict is another one.
check() {
  local want what flags got=incomplete verdict=PASS began=$SECONDS states directory
  IFS='|' read -r want what flags <<<"$1"
  want=${want// /}
  directory=$(mktemp -d -p "$work")
  cd "$directory"
  # The flags are words of cases.txt.
  # shellcheck disable=SC2086
  spin -a $flags "$here/crossfade.pml" >spin.log 2>&1 || { cat spin.log; return 1; }
  gcc -O1 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=8000 -o pan pan.c
  timeout "${CAP:-120}" ./pan -m1000000 >pan.log 2>&1 || true
  # Without its own summary, or with a search that was cut short, there is no verdict.
  if grep -q 'errors: 0' pan.log && ! grep -qE 'out of memory|too small|not completed' pan.log; then got=ok; fi
  if ls ./*.trail >/dev/null 2>&1 && ! grep -q 'errors: 0' pan.log; then got=bad; fi
  states=$(grep -oE '[0-9e.+]+ states, stored' pan.log | head -n 1 || true)
  [ "$got" = "$want" ] || verdict=FAIL
  printf '%s %-10s %-72s %4ds  %s\n' "$verdict" "$got" "$(echo $what)" $((SECONDS - began)) "$states"
  [ "$verdict" = PASS ]
}
export -f check

failed=0
grep -E '^(ok|bad) ' "${1:-$here/cases.txt}" >"$work/cases"
# The searches have one thread each.
xargs -d '\n' -P "$(nproc)" -I '{}' bash -c 'set -euo pipefail; check "$1"' _ '{}' <"$work/cases" || failed=1
echo "$(wc -l <"$work/cases") cases, ${SECONDS} s"
[ "$failed" = 0 ] && [ -s "$work/cases" ]
