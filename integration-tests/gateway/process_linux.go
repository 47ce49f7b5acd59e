package gateway

import (
	"os/exec"
	"syscall"
)

// dieWithParent leaves no process behind when the tests are killed.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
