package endtoend_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"bytes"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Histories of a whole run, failures included, hold neither the secret nor a password, name, address or sign-in name.
func TestHistoriesHoldNobodysData(t *testing.T) {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{
		"userPrincipalName": "vorhanden@contoso.com", "displayName": "Schon Vorhanden", "mailNickname": "vorhanden", "accountEnabled": true,
		"userType": "Guest",
	}}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	var mu sync.Mutex
	var passwords []string
	k.Simulator.OnRequest(func(r *http.Request) {
		if !creates(r) {
			return
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		var u struct {
			PasswordProfile struct{ Password string } `json:"passwordProfile"`
		}
		if err == nil && json.Unmarshal(body, &u) == nil {
			mu.Lock()
			passwords = append(passwords, u.PasswordProfile.Password)
			mu.Unlock()
		}
	})
	k.WritePeople(testkit.Header,
		"e1,quirin.zwick,Quirin,Zwick,US,SPE_E3,true,Vertraulich",
		"e2,undine.oxley,Undine,Oxley,UK,SPE_E3,true,Vertraulich",
		"e3,vorhanden,Xaver,Pfeil,US,,true,Vertraulich",
		"e4,doppelt,Yasmin,Quast,US,,true,Vertraulich",
		"e5,doppelt,Zenzi,Wurm,US,,true,Vertraulich",
		"e6,fehl.schlag,Wolfram,Igel,US,SPE_E3,true,Vertraulich")
	k.Simulator.FailNext(creates, simulator.GraphFault(400, "Request_BadRequest",
		"Property userPrincipalName is invalid: fehl.schlag@contoso.com Wolfram Igel"))
	k.Simulator.FailNext(assigns, simulator.GraphFault(400, "Request_BadRequest",
		"Subscription with SKU x does not have any available licenses for quirin.zwick@contoso.com"))
	k.MustApply(k.Config())
	_, err := k.Await("staff")
	require.NoError(t, err)
	_, err = k.Provision("e2")
	require.Error(t, err)
	_, err = k.Provision("nobody")
	require.NoError(t, err)

	require.NotEmpty(t, passwords)
	forbidden := append([]string{testkit.Secret, "quirin", "zwick", "undine", "oxley", "vorhanden", "xaver", "pfeil", "doppelt",
		"yasmin", "quast", "zenzi", "fehl.schlag", "wolfram", "igel", "vertraulich"}, passwords...)
	histories := k.Histories()
	require.Greater(t, len(histories), 4)
	for id, history := range histories {
		lower := strings.ToLower(history)
		for _, word := range forbidden {
			require.NotContains(t, lower, strings.ToLower(word), "in the history of %s", id)
		}
	}
}
