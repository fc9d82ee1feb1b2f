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

// startPrivately starts a process whose files only this user can read. The mask is the whole process's for that moment, which can only
// make a file more private than it was meant to be.
func startPrivately(cmd *exec.Cmd) error {
	defer syscall.Umask(syscall.Umask(0o077))
	return cmd.Start()
}
