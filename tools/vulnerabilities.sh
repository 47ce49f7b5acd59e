#!/bin/sh
# Runs govulncheck, given as the arguments. That its database cannot be reached
# says nothing of the code and is one line; that it cannot read the code, or
# finds something, fails. By its exit status alone they cannot be told apart.
out=$("$@" 2>&1)
status=$?
if [ "$status" = 1 ] && printf '%s\n' "$out" | grep -q '^govulncheck: fetching vulnerabilities: '; then
	echo "make check: the vulnerability database cannot be reached: not checked"
	exit 0
fi
printf '%s\n' "$out"
exit "$status"
