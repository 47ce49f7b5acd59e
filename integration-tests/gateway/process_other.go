//go:build !linux

package gateway

import "os/exec"

// dieWithParent does nothing if the system has no such signal.
func dieWithParent(*exec.Cmd) {}
