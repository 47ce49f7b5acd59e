#!/bin/sh
# Runs govulncheck, given as the arguments. An unreachable database says nothing
# about the code and is reported in one line; being unable to read the code, or a
# finding, is a failure. The exit status alone does not distinguish them.
out=$("$@" 2>&1)
status=$?
if [ "$status" = 1 ] && printf '%s\n' "$out" | grep -q '^govulncheck: fetching vulnerabilities: '; then
	echo "make check: the vulnerability database cannot be reached: not checked"
	exit 0
fi
printf '%s\n' "$out"
exit "$status"
