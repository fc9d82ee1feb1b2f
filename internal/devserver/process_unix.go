//go:build unix

package devserver

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C in the terminal from reaching the server before the worker has finished with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminate asks the process to end.
func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
