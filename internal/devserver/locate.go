// Package devserver finds, builds, starts and stops Temporal's development server, which keeps its data in a file of the
// state directory. It is for one machine; in production Temporal is a service of its own.
package devserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/filelock"
)

// CLIVariable names a temporal binary to use, before any other is looked for.
const CLIVariable = "TEMPORAL_CLI"

// ErrNoBinary is returned by Locate when there is no temporal binary and none can be built.
var ErrNoBinary = errors.New("no temporal command found")

// Locator finds the temporal command line, which contains the development server.
type Locator struct {
	// Getenv reads TEMPORAL_CLI and PATH. Default os.Getenv.
	Getenv func(string) string
	// Dir is where the search for the repository begins, upward. Default the working directory.
	Dir string
	// Progress is told what takes long; may be nil.
	Progress func(string)
	// Tick is how often a build says that it goes on. Default 15 seconds.
	Tick time.Duration
}

// Locate gives the path of a temporal binary: the one TEMPORAL_CLI names, else the one on PATH, else the one that
// tools/go.mod of the repository pins, which is built when it is not in Go's build cache. The build takes minutes.
//
// Errors: ErrNoBinary, wrapped, with what was tried; a failed build with the end of its output.
func (l Locator) Locate(ctx context.Context) (string, error) {
	if l.Getenv == nil {
		l.Getenv = os.Getenv
	}
	if named := l.Getenv(CLIVariable); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("%s names %s, which cannot be run: %w", CLIVariable, named, err)
		}
		return path, nil
	}
	if path, ok := l.onPath("temporal"); ok {
		return path, nil
	}
	return l.build(ctx)
}

// onPath looks for a command in the PATH of the given environment.
func (l Locator) onPath(command string) (string, bool) {
	for _, dir := range filepath.SplitList(l.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, command)); err == nil && filepath.IsAbs(path) {
			return path, true
		}
	}
	return "", false
}

// build lets Go build the pinned version. Go keeps the result in its cache, so this is slow only once.
func (l Locator) build(ctx context.Context) (string, error) {
	root, ok := repository(l.Dir)
	if !ok {
		return "", fmt.Errorf("%w: not on PATH, and %s is not inside the entraflow repository, from where it could be built", ErrNoBinary, l.dir())
	}
	golang, ok := l.onPath("go")
	if !ok {
		return "", fmt.Errorf("%w: neither temporal nor go is on PATH", ErrNoBinary)
	}
	var out, problems bytes.Buffer
	done, err := alone(ctx, root, func(text string) {
		if l.Progress != nil {
			l.Progress(text)
		}
	})
	if err != nil {
		return "", err
	}
	defer done()
	cmd := exec.CommandContext(ctx, golang, "tool", "-modfile="+filepath.Join("tools", "go.mod"), "-n", "temporal")
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, &out, &problems
	stop := l.tick()
	err = cmd.Run()
	stop()
	if err != nil {
		return "", fmt.Errorf("build the Temporal server from %s: %w\n%s", filepath.Join(root, "tools", "go.mod"), err, tail(problems.String(), 10))
	}
	path := strings.TrimSpace(out.String())
	if i := strings.LastIndexByte(path, '\n'); i >= 0 {
		path = path[i+1:]
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("build the Temporal server: go gave no usable path: %w", err)
	}
	return path, nil
}

// lookAgain is how often somebody who waits for another's build looks whether it is done.
const lookAgain = 100 * time.Millisecond

// alone waits until nobody else builds for the same checkout. Go would compile everything twice, and the packages of a
// first `go test ./...` all ask at once. A lock that cannot be had at all only costs that time.
func alone(ctx context.Context, root string, say func(string)) (done func(), err error) {
	folder, err := filelock.UserFolder()
	if err != nil {
		return func() {}, nil
	}
	sum := sha256.Sum256([]byte(root))
	path := filepath.Join(folder, fmt.Sprintf("build-%x.lock", sum[:4]))
	patience := time.NewTimer(sayAfter)
	defer patience.Stop()
	for {
		lock, err := filelock.Try(path)
		if err == nil {
			return func() { _ = lock.Release() }, nil
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return func() {}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			say(fmt.Sprintf("waiting until process %d has built the Temporal server", filelock.Holder(path)))
		case <-time.After(lookAgain):
		}
	}
}

// tick tells the progress of a build until the returned function is called. A build that is done within the first tick
// came from the cache, and nothing is said about it.
func (l Locator) tick() (stop func()) {
	if l.Progress == nil {
		return func() {}
	}
	every := l.Tick
	if every == 0 {
		every = 15 * time.Second
	}
	ticker := time.NewTicker(every)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			if n == 1 {
				l.Progress("building the Temporal server from tools/go.mod; this takes some minutes, but only the first time")
				continue
			}
			l.Progress(fmt.Sprintf("still building the Temporal server (%s)", (time.Duration(n) * every).Round(time.Second)))
		}
	}()
	return func() { close(done); <-ended }
}

func (l Locator) dir() string {
	if l.Dir != "" {
		return l.Dir
	}
	return "the working directory"
}

// repository finds entraflow's own directory, at or above dir.
func repository(dir string) (root string, ok bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte("module github.com/entraflow/entraflow\n")) {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// tail is the last n lines of a text.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
