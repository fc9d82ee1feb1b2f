package simulator_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// Many clients at once, with lag, latency and accidents: the books stay right. Most useful with -race.
func TestManyClients(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "G", "licenses": []string{"POWER_BI_STANDARD"}}}
	w := start(t, simulator.Options{Seed: seed, ReplicaLag: 5 * time.Millisecond, Latency: time.Millisecond, RandomSeed: 7,
		Faults: simulator.Faults{InternalError: 0.02, ResetCommitted: 0.01, UnavailableCommitted: 0.02, EmptyPage: 0.05}})
	g := w.state().Group("G").ID
	try := func(method, path string, body any) int {
		req := w.request(method, path, body)
		a, err := w.send(req)
		if err != nil {
			return 0
		}
		return a.status
	}
	var wg sync.WaitGroup
	for c := range 6 {
		wg.Go(func() {
			for i := range 12 {
				upn := fmt.Sprintf("u%d-%d@contoso.com", c, i)
				try("POST", "/users", person(upn, map[string]any{linkName: upn}))
				try("POST", "/users/"+upn+"/assignLicense", order([]any{license(simulator.SKUM365E3)}))
				try("PATCH", "/users/"+upn, map[string]any{"jobTitle": fmt.Sprint(i)})
				if a, err := w.send(w.request("GET", "/users/"+upn, nil)); err == nil && a.status == http.StatusOK {
					try("POST", "/groups/"+g+"/members/$ref", map[string]any{"@odata.id": w.s.URL() + "/v1.0/users/" + a.id()})
				}
				try("GET", "/users?$top=5&$select=id,assignedLicenses,"+linkName, nil)
				try("GET", "/users?$filter="+q(linkName+" eq '"+upn+"'"), nil)
				if i%3 == 0 {
					try("DELETE", "/users/"+upn, nil)
				}
				w.s.State()
				w.s.Stats()
			}
		})
	}
	wg.Wait()
	st := w.state()
	require.NotEmpty(t, st.Users)
	direct, inherited, names := 0, 0, map[string]bool{}
	for _, u := range st.Users {
		require.False(t, names[u.UserPrincipalName])
		names[u.UserPrincipalName] = true
		for _, l := range u.Licenses {
			if l.Group == "" {
				direct++
			} else {
				inherited++
			}
		}
	}
	require.Equal(t, direct, st.SKU("SPE_E3").Consumed)
	require.Equal(t, inherited, st.SKU("POWER_BI_STANDARD").Consumed)
}
