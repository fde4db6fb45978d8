#!/bin/sh
# npm start: what was built, which takes less memory and time than to strip the types of the sources at each start. It is built anew first
# if a source is newer. `npm run dev` runs the sources.
set -e
cd "$(dirname "$0")/.."
built=dist/.built
if [ ! -e "$built" ] || [ -n "$(find src schema scripts package*.json tsconfig*.json -newer "$built" -print | head -n 1)" ]; then
  npm run -s build >&2
fi
# With less room for young objects, rows of a copy that are on their way count as old ones, and memory grows with the table.
exec node --max-semi-space-size=32 dist/main.js
