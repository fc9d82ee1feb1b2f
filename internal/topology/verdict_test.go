//go:build linux

package topology_test

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// judge judges how the tenant was treated. Early retries are counted only: one worker does not know of another's pause.
func (c *chaosRun) judge(accidents simulator.Stats) {
	for _, s := range []simulator.Stats{accidents, c.sim.Stats()} {
		if s.OverlappingWrites > 0 {
			c.ledger.violate("%d writes overlapped another to the same object", s.OverlappingWrites)
		}
		for what, n := range s.ProtocolFaults {
			c.ledger.violate("protocol fault, %d times: %s", n, what)
		}
	}
	require.NotEmpty(c.t, accidents.Faults)
}

// search looks for secrets and people in all that Temporal stores and all that workers have said.
func (c *chaosRun) search() (histories, secrets int) {
	needles := append(c.watch.secrets(), []byte(simulator.DefaultClientSecret), []byte(marker))
	look := func(where string, text []byte, needles [][]byte) {
		for _, found := range lab.Finds(text, needles) {
			c.ledger.violate("%s: %s", where, found)
		}
	}
	histories, err := lab.EachHistory(c.context(), c.Client, func(h lab.History) error {
		look("the history of "+h.ID, h.Text, needles)
		return nil
	})
	require.NoError(c.t, err)
	for _, text := range c.Logs() {
		look("a worker's log", text, needles)
	}
	if c.size.development {
		return histories, len(needles)
	}
	for _, n := range needles {
		needles = append(needles, []byte(hex.EncodeToString(n)))
	}
	for _, database := range []string{"temporal", "temporal_visibility"} {
		dump := c.Cluster.Dump(database)
		require.Contains(c.t, strings.ToLower(string(dump)), map[string]string{
			"temporal": hex.EncodeToString([]byte("randomPassword")), "temporal_visibility": "entraflow",
		}[database], "the dump of %s is searched in the wrong way", database)
		look("the database "+database, dump, needles)
	}
	return histories, len(needles) / 2
}

// explain shows, for the first people that a violation names, what was written to their accounts and what their workflows
// did.
func (c *chaosRun) explain() {
	const few = 3
	shown := 0
	text := strings.Join(c.ledger.violations, "\n")
	for _, e := range c.staff.people {
		if shown == few || !strings.Contains(text, e.id) {
			continue
		}
		shown++
		c.t.Logf("%s: writes\n%s", e.id, strings.Join(c.watch.told(c.ledger.account(e.id).id), "\n"))
		_, err := lab.EachHistory(c.context(), c.Client, func(h lab.History) error {
			if h.ID == api.UserID(chaosConnection, e.id) {
				c.t.Logf("%s: run %s\n%s", e.id, h.Run, h.Text)
			}
			return nil
		})
		require.NoError(c.t, err)
	}
}

// creation is a request that makes an account.
func creation(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/v1.0/users"
}

// answers reports whether Temporal does.
func (c *chaosRun) answers() bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Second)
	defer cancel()
	_, err := c.Client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{})
	return err == nil
}
