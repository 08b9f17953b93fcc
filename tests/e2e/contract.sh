#!/bin/sh
# Lints src/api/openapi.yaml, and compares what api_test is answered with it.
# Usage: contract.sh API_TEST OPENAPI WORKDIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$3/contract
mkdir -p "$work"
cp "$here/package.json" "$here/package-lock.json" "$here/contract.mjs" "$here/redocly.yaml" "$work/"
cd "$work"
# A lock file that has changed needs other packages than those of the last run.
if ! cmp -s package-lock.json installed; then
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json installed
fi
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
  node node_modules/@redocly/cli/bin/cli.js lint --config redocly.yaml "$2"
rm -f samples
LOA_API_SAMPLES=$work/samples "$1" --gtest_brief=1
node contract.mjs "$2" samples --all
