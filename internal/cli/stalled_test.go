package cli_test

import (
	"path/filepath"
	"testing"
	"time"
)

// A sync that waits for something says for what, and where to look, as soon as nothing has moved for a while.
func TestASyncThatWaitsSaysForWhat(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	sim := b.start("simulator", "--seed", filepath.Join(b.dir, "simulator.yaml"))
	sim.until("Ctrl-C stops it")
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	sim.end()

	sync := b.start("sync")
	for _, text := range []string{
		"rule staff: nothing has moved for ", "sync/globex/staff waits and is tried again by itself: ", "(simulator_not_running)",
	} {
		select {
		case <-sync.stderr.said(text):
		case <-time.After(time.Minute):
			t.Fatalf("did not say %q: %s", text, sync.stderr)
		}
	}
}
