//go:build !unix

package devserver

import (
	"os"
	"os/exec"
)

func ownGroup(cmd *exec.Cmd) { cmd.ExtraFiles = nil }

func terminate(p *os.Process) error { return p.Kill() }

func startPrivately(cmd *exec.Cmd) error { return cmd.Start() }
