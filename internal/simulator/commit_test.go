package simulator_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// Whoever keeps the state on disk has it there before the answer is sent: what was answered is not forgotten.
func TestAWriteIsKeptBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	kept := 0
	w.s.OnCommit(func() { kept = len(w.s.State().Tenants[0].Users) })
	person := map[string]any{
		"userPrincipalName": "ann@contoso.com", "displayName": "Ann", "mailNickname": "ann", "accountEnabled": true,
		"passwordProfile": map[string]any{"password": "Xy7-kq2-Lm9-Pw4"},
	}
	require.Equal(t, http.StatusCreated, w.do(http.MethodPost, "/users", person).status)
	require.Equal(t, len(w.s.State().Tenants[0].Users), kept)
	kept = -1
	require.Equal(t, http.StatusBadRequest, w.do(http.MethodPost, "/users", person).status)
	w.get("/users/ann@contoso.com")
	require.Equal(t, -1, kept, "what was refused or only read changes nothing")
}
