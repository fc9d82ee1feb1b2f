package testkit

import (
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// LoseTemporal replaces the Temporal server by an empty one, as if its data had been lost. The tenant and the files stay.
func (k *Kit) LoseTemporal() {
	k.t.Helper()
	k.StopWorker()
	k.startTemporal("temporal-anew")
	k.parts.Client = k.Client
	k.StartWorker()
	// Before the new server is stopped.
	k.t.Cleanup(k.end)
}

// WriteRaw writes a source file byte by byte as given, by rename.
func (k *Kit) WriteRaw(name, content string) string {
	k.t.Helper()
	path := filepath.Join(k.Dir, name)
	require.NoError(k.t, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(k.t, os.Rename(path+".new", path))
	return path
}

// Having is what one account has that could be taken away.
type Having struct {
	// Name is the user principal name.
	Name     string
	Enabled  bool
	Licenses []string
}

// Havings are what all accounts of the simulated tenant have, by object id.
func (k *Kit) Havings() map[string]Having {
	out := map[string]Having{}
	for _, u := range k.Simulator.State().Tenants[0].Users {
		h := Having{Name: u.UserPrincipalName, Enabled: u.AccountEnabled}
		for _, l := range u.Licenses {
			h.Licenses = append(h.Licenses, l.SkuPartNumber)
		}
		out[u.ID] = h
	}
	return out
}

// Forget removes every account for good that is not among those, as an administrator would after an accident.
func (k *Kit) Forget(but map[string]Having) {
	k.t.Helper()
	for id := range k.Havings() {
		if _, known := but[id]; !known {
			k.Simulator.Mutate(func(t *simulator.Tenant) { require.NoError(k.t, t.PurgeUser(id)) })
		}
	}
}
