#!/usr/bin/env bash
# run.sh [FILE]: checks every case of FILE (cases.txt), one line a case. Needs spin and gcc. CAP: the seconds that one case may take.
# A case is `ok` when the search of all states is complete and finds nothing, `bad` when it finds a violation; anything else is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/crossfade.pml" "$work"
cd "$work"
failed=0
cases=0
while IFS='|' read -r want what flags; do
  want=${want// /}
  case $want in ok | bad) ;; *) continue ;; esac
  rm -f pan* ./*.trail
  # The flags are words of cases.txt.
  # shellcheck disable=SC2086
  spin -a $flags crossfade.pml >spin.log 2>&1 || { cat spin.log; exit 1; }
  gcc -O1 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=8000 -o pan pan.c
  began=$SECONDS
  timeout "${CAP:-120}" ./pan -m1000000 >pan.log 2>&1 || true
  got=incomplete
  # Without its own summary, or with a search that was cut short, there is no verdict.
  if grep -q 'errors: 0' pan.log && ! grep -qE 'out of memory|too small|not completed' pan.log; then got=ok; fi
  if ls ./*.trail >/dev/null 2>&1 && ! grep -q 'errors: 0' pan.log; then got=bad; fi
  states=$(grep -oE '[0-9e.+]+ states, stored' pan.log | head -n 1 || true)
  verdict=PASS
  if [ "$got" != "$want" ]; then verdict=FAIL; failed=$((failed + 1)); fi
  cases=$((cases + 1))
  printf '%s %-10s %-72s %4ds  %s\n' "$verdict" "$got" "$(echo $what)" $((SECONDS - began)) "$states"
done <"${1:-$here/cases.txt}"
echo "$cases cases, $failed failed, ${SECONDS} s"
[ "$failed" = 0 ] && [ "$cases" -gt 0 ]
