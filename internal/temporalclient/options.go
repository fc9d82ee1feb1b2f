// Package temporalclient says how entraflow connects to Temporal. Each of its programs takes the options from here, so that one
// that starts workflows and one that carries them out cannot disagree about namespace, TLS, or how payloads are encoded.
package temporalclient

import (
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
)

// Options are the settings of Temporal's own configuration: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS, API key, the remote codec,
// and the profile in temporal.toml that TEMPORAL_PROFILE names. lookup reads the environment; nil reads the process's own.
//
// HostPort is empty where the configuration names no server. The namespace is "default" unless another one is set. logger takes
// what the SDK logs.
//
// Errors: the configuration cannot be read or contradicts itself; an administrator corrects it.
func Options(lookup envconfig.EnvLookup, logger *slog.Logger) (client.Options, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: lookup})
	if err != nil {
		return client.Options{}, err
	}
	o, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{IncludeRemoteCodec: true})
	if err != nil {
		return client.Options{}, err
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	if o.DataConverter == nil {
		o.DataConverter = converter.GetDefaultDataConverter()
	}
	o.Logger = log.NewStructuredLogger(logger)
	return o, nil
}
