//go:build linux

package topology_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/lab"
)

func (c *chaosRun) secret() string { return filepath.Join(c.dir, "secret.txt") }

func (c *chaosRun) connection() config.Connection {
	p := config.DefaultPreferences()
	if c.deletes {
		p.RemoveAction = config.RemoveDelete
	}
	// What an ordinary round takes away passes, an exodus does not.
	p.RemovalGuard = config.RemovalGuard{Count: 8, Percent: 25}
	connection := lab.Connection(chaosConnection, c.dir)
	connection.ClientSecret, connection.Preferences = "file:"+c.secret(), p
	connection.Rules[0].Name, connection.Rules[0].Filter = chaosRule, fmt.Sprintf("user.department != %q", outside)
	return connection
}

// connect applies the configuration under accidents and tests until a test passes.
func (c *chaosRun) connect() {
	c.sim.SetFaults(lab.Accidents())
	ctx := c.context()
	c.insist("apply", func() error {
		_, err := lab.Apply(ctx, c.Client, api.ApplyInput{Config: c.connection(), KeepSyncs: true})
		return err
	})
	for test := 1; !c.describe().Valid; test++ {
		require.Less(c.t, test, 30, "no connection test passes")
		c.update(api.UpdateTest)
	}
}

func (c *chaosRun) update(name string, args ...any) {
	c.t.Helper()
	ctx := c.context()
	c.insist(name, func() error {
		handle, err := c.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: api.ConnectionID(chaosConnection), UpdateName: name, Args: args,
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err != nil {
			return err
		}
		return handle.Get(ctx, nil)
	})
}

// insist sends an update again where the server has lost it on the way, as a busy one does: it says so, and that it was
// not carried out.
func (c *chaosRun) insist(name string, send func() error) {
	c.t.Helper()
	var err error
	for range 5 {
		err = send()
		if lost := new(serviceerror.WorkflowNotReady); !errors.As(err, &lost) {
			break
		}
		c.t.Logf("%s is sent again: %v", name, err)
	}
	require.NoError(c.t, err, name)
}

func (c *chaosRun) describe() (d api.Description) {
	answer, err := c.Client.QueryWorkflow(c.context(), api.ConnectionID(chaosConnection), "", api.QueryDescribe)
	require.NoError(c.t, err)
	require.NoError(c.t, answer.Get(&d))
	return d
}

func (c *chaosRun) context() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	c.t.Cleanup(cancel)
	return ctx
}
