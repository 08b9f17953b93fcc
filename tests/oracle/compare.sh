#!/bin/sh
# Compares our part counts with an independent counter, the npm package pinned in package-lock.json.
# Usage: compare.sh PROGRAM WORKDIR
set -eu
here=$(dirname "$0")
work=$2/oracle
mkdir -p "$work"
cp "$here/package.json" "$here/package-lock.json" "$here/segments.mjs" "$work/"
cd "$work"
[ -d node_modules/sms-segments-calculator ] || npm ci --ignore-scripts --no-audit --no-fund
"$1" | node segments.mjs
