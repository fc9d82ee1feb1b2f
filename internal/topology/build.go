//go:build linux

package topology

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// binaries are the programs that are run.
type binaries struct {
	// root is the repository.
	root string
	// worker and starter are built as the Dockerfile builds them.
	worker, starter string
	// server, sqlTool and temporal come from the tools module.
	server, sqlTool, temporal string
}

// build lets Go build everything. What the tools module gives stays in Go's build cache, so this is slow only once.
func build(t *testing.T, dir string) binaries {
	t.Helper()
	module := goCommand(t, ".", nil, "env", "GOMOD")
	b := binaries{root: filepath.Dir(module), worker: filepath.Join(dir, "worker"), starter: filepath.Join(dir, "starter")}
	goCommand(t, b.root, []string{"CGO_ENABLED=0"}, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", dir+"/", "./worker", "./starter")
	for name, path := range map[string]*string{"server": &b.server, "sql": &b.sqlTool, "temporal": &b.temporal} {
		*path = goCommand(t, b.root, nil, "tool", "-modfile="+filepath.Join("tools", "go.mod"), "-n", name)
	}
	return b
}

// buildWorker builds the worker alone, from what `go build` has compiled already.
func buildWorker(t *testing.T, dir string) binaries {
	t.Helper()
	b := binaries{root: filepath.Dir(goCommand(t, ".", nil, "env", "GOMOD")), worker: filepath.Join(dir, "worker")}
	goCommand(t, b.root, nil, "build", "-o", b.worker, "./worker")
	return b
}

// goCommand runs go and returns the last line of what it printed.
func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	require.NoError(t, cmd.Run(), "go %v:\n%s", args, lastLines(problems.Bytes(), 20))
	text := strings.TrimSpace(out.String())
	return text[strings.LastIndexByte(text, '\n')+1:]
}
