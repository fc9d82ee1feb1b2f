package pingonesim_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/pingonesim"
)

func TestASeedHasGroups(t *testing.T) {
	t.Parallel()
	load := func(groups string) (pingonesim.Options, error) {
		path := filepath.Join(t.TempDir(), "environment.yaml")
		require.NoError(t, os.WriteFile(path, []byte("environmentId: e\napplication: {clientId: a, clientSecret: s}\nusers: [{id: u1, username: ann}]\ngroups:\n"+groups), 0o600))
		return pingonesim.LoadOptions(path)
	}
	o, err := load("  - {id: g1, name: Sales, members: [u1], groups: [g2]}\n  - {id: g2, name: EMEA}\n")
	require.NoError(t, err)
	require.Len(t, o.Groups, 2)
	for what, groups := range map[string]string{
		"no id":            "  - {name: Sales}\n",
		"the same id":      "  - {id: u1, name: Sales}\n",
		"an unknown user":  "  - {id: g1, name: Sales, members: [u2]}\n",
		"an unknown group": "  - {id: g1, name: Sales, groups: [g2]}\n",
	} {
		_, err := load(groups)
		require.Error(t, err, what)
	}
}
