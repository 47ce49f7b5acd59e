#!/usr/bin/env bash
# Runs every fuzz target of the repository for the given time each.
#
#	integration-tests/fuzz.sh [TIME]   (default 1m)
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-1m}
count=0
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	echo "== $(dirname "$file") $target $time"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
	count=$((count + 1))
done < <(grep -r --include='*_test.go' --exclude-dir=.work -E '^func Fuzz[A-Za-z0-9_]+\(' . | sed 's|^\./||' | sort)
echo "$count fuzz targets ran"
