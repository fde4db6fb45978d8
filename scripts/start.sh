#!/bin/sh
# npm start: what was built, which takes less memory and time than to strip the types of the sources at each start. It is built anew first
# if a source is newer. `npm run dev` runs the sources.
set -e
cd "$(dirname "$0")/.."
built=dist/.built
if [ ! -e "$built" ] || [ -n "$(find src schema scripts package*.json tsconfig*.json -newer "$built" -print | head -n 1)" ]; then
  npm run -s build >&2
fi
exec node dist/main.js
