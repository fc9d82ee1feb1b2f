package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	cli "github.com/entraflow/entraflow/internal/cli"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/fault"
)

// update writes the golden files anew: go test ./starter -update.
var update = flag.Bool("update", false, "write the golden files")

// bench is a directory in which the command line runs, with a small company's configuration.
type bench struct {
	t *testing.T
	// dir is the working directory, config the configuration file, people its source.
	dir, config, people string
	environ             []string
}

// setup copies the small company, so that each test has its own.
func setup(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "small"))))
	b := &bench{t: t, dir: dir, config: filepath.Join(dir, "globex.yaml"), people: filepath.Join(dir, "people.csv")}
	// Whatever server or profile the tester uses must not be met.
	b.environ = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "TEMPORAL_CONFIG_FILE=" + filepath.Join(dir, "none.toml")}
	return b
}

// withServer lets the command line start Temporal. A machine on which none can be had fails the test: without one, nothing
// is proved.
func (b *bench) withServer() *bench {
	b.t.Helper()
	binary, err := devserver.Locator{Dir: "."}.Locate(b.t.Context())
	require.NoError(b.t, err, "the tests need a temporal command: on PATH, named by %s, or built from tools/go.mod", devserver.CLIVariable)
	b.environ = append(b.environ, devserver.CLIVariable+"="+binary)
	return b
}

// result is what one command did.
type result struct {
	status         int
	stdout, stderr string
}

func (b *bench) run(args ...string) result {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	m := cli.Main{Dir: b.dir, Poll: 100 * time.Millisecond}
	status := m.Run(b.t.Context(), args, strings.NewReader(""), &stdout, &stderr, b.environ)
	return result{status, stdout.String(), stderr.String()}
}

// ok runs a command that must succeed and reads its JSON.
func (b *bench) ok(into any, args ...string) {
	b.t.Helper()
	r := b.run(append(args, "-o", "json")...)
	require.Equal(b.t, 0, r.status, "%v: %s", args, r.stderr)
	b.decode(r, into)
}

// decode reads stdout as exactly one JSON object.
func (b *bench) decode(r result, into any) {
	b.t.Helper()
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	require.NoError(b.t, dec.Decode(into), "stdout: %s\nstderr: %s", r.stdout, r.stderr)
	_, err := dec.Token()
	require.ErrorIs(b.t, err, io.EOF, "stdout has more than one object")
}

// background is a command that runs until it is stopped.
type background struct {
	b      *bench
	stdout *watched
	stderr *watched
	stop   context.CancelFunc
	status chan int
}

func (b *bench) start(args ...string) *background {
	ctx, cancel := context.WithCancel(context.Background())
	bg := &background{b: b, stdout: &watched{}, stderr: &watched{}, stop: cancel, status: make(chan int, 1)}
	m := cli.Main{Dir: b.dir, Poll: 100 * time.Millisecond}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		bg.status <- m.Run(ctx, args, strings.NewReader(""), bg.stdout, bg.stderr, b.environ)
	}()
	b.t.Cleanup(func() { cancel(); <-ended })
	return bg
}

// until waits until the command has said something.
func (bg *background) until(text string) {
	bg.b.t.Helper()
	select {
	case <-bg.stdout.said(text):
	case status := <-bg.status:
		bg.b.t.Fatalf("ended with %d instead of saying %q:\n%s\n%s", status, text, bg.stdout, bg.stderr)
	case <-time.After(2 * time.Minute):
		bg.b.t.Fatalf("did not say %q:\n%s\n%s", text, bg.stdout, bg.stderr)
	}
}

// end stops the command as Ctrl-C does and gives its exit status.
func (bg *background) end() int {
	bg.b.t.Helper()
	bg.stop()
	return bg.wait()
}

// wait waits until the command ends and gives its exit status.
func (bg *background) wait() int {
	bg.b.t.Helper()
	select {
	case status := <-bg.status:
		return status
	case <-time.After(time.Minute):
		bg.b.t.Fatalf("did not stop:\n%s\n%s", bg.stdout, bg.stderr)
		return -1
	}
}

// watched is a writer that tells when a text has been written.
type watched struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	waits map[string]chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	for text, c := range w.waits {
		if bytes.Contains(w.buf.Bytes(), []byte(text)) {
			close(c)
			delete(w.waits, text)
		}
	}
	return len(p), nil
}

func (w *watched) said(text string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{})
	if bytes.Contains(w.buf.Bytes(), []byte(text)) {
		close(c)
		return c
	}
	if w.waits == nil {
		w.waits = map[string]chan struct{}{}
	}
	w.waits[text] = c
	return c
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// golden compares a text with a file, in which DIR stands for the test's directory and a reason's code for its sentence,
// which may be worded better any day.
func (b *bench) golden(name, got string) {
	b.t.Helper()
	got = strings.ReplaceAll(got, b.dir, "DIR")
	for _, row := range fault.Rows() {
		got = strings.ReplaceAll(got, row.Code.Sentence(), "<"+string(row.Code)+">")
	}
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(b.t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(b.t, err)
	require.Equal(b.t, string(want), got)
}

// untouched demands that nothing was started and nothing kept.
func (b *bench) untouched() {
	b.t.Helper()
	require.NoDirExists(b.t, filepath.Join(b.dir, ".entraflow"))
}
