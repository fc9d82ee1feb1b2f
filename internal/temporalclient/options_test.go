package temporalclient_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/temporalclient"
)

// environment is a lookup over fixed variables.
type environment map[string]string

func (e environment) Environ() []string {
	var all []string
	for k, v := range e {
		all = append(all, k+"="+v)
	}
	return all
}

func (e environment) LookupEnv(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestOptionsWithoutSettings(t *testing.T) {
	t.Parallel()
	o, err := temporalclient.Options(environment{"TEMPORAL_CONFIG_FILE": t.TempDir() + "/none.toml"}, quiet)
	require.NoError(t, err)
	require.Empty(t, o.HostPort, "the caller chooses the server where nothing names one")
	require.Equal(t, client.DefaultNamespace, o.Namespace)
	require.NotNil(t, o.DataConverter)
}

// A worker without the codec of the command line could not read what an earlier run has created.
func TestOptionsUseTheRemoteCodec(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	codec := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.Path:
		default:
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body)
	}))
	defer codec.Close()
	o, err := temporalclient.Options(environment{
		"TEMPORAL_CONFIG_FILE":    t.TempDir() + "/none.toml",
		"TEMPORAL_CODEC_ENDPOINT": codec.URL,
	}, quiet)
	require.NoError(t, err)
	_, err = o.DataConverter.ToPayloads("x")
	require.NoError(t, err)
	require.Equal(t, "/encode", <-asked)
}
