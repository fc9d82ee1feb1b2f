package simulation

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/pingonesim"
)

// pingOneCommand is `starter simulator pingone`.
func pingOneCommand(a *session.Session) *cobra.Command {
	var seed, address, ca string
	c := &cobra.Command{
		Use:   "pingone --seed FILE --ca FILE",
		Short: "Run a simulated PingOne environment alone",
		Long: `pingone answers as PingOne's platform API does, for the part of it that entraflow uses: sign-in of a worker application, people, groups,
populations, schema, provisioning objects and webhooks. It begins with the seed each time. Workers and commands reach it by
ENTRAFLOW_PINGONE_API_ENDPOINT and ENTRAFLOW_PINGONE_AUTH_ENDPOINT, and trust it by ENTRAFLOW_PINGONE_CA. Ctrl-C stops it.`,
		Example: `  go run ./starter simulator pingone --seed examples/pingone/environment.yaml --ca /tmp/pingone-ca.pem`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seed == "" || ca == "" {
				return session.WrongUse("add --seed FILE and --ca FILE", "the environment to begin with or the place for its certificate was not given")
			}
			return runPingOne(cmd.Context(), a, a.Path(seed), address, a.Path(ca))
		},
	}
	c.Flags().StringVar(&seed, "seed", "", "YAML or JSON file of the environment")
	c.Flags().StringVar(&address, "address", "127.0.0.1:0", "host:port to listen on")
	c.Flags().StringVar(&ca, "ca", "", "file for the certificate that clients trust")
	return c
}

func runPingOne(ctx context.Context, a *session.Session, seed, address, ca string) error {
	o, err := pingonesim.LoadOptions(seed)
	if err != nil {
		return &session.Failure{Status: session.StatusWrongUse, What: "the seed cannot be read", Why: err, Next: "correct it"}
	}
	o.Address, o.Now = address, a.Now
	s, err := pingonesim.Start(o)
	if err != nil {
		return &session.Failure{Status: session.StatusWrongUse, What: "the simulated PingOne cannot start", Why: err, Next: "choose another --address"}
	}
	if err := os.WriteFile(ca, s.Certificate, 0o600); err != nil {
		return errors.Join(fmt.Errorf("write the certificate: %w", err), s.Close())
	}
	err = a.Print(struct {
		URL           string `json:"url"`
		CAFile        string `json:"caFile"`
		EnvironmentID string `json:"environmentId"`
	}{s.URL, ca, o.EnvironmentID}, fmt.Sprintf(`the simulated PingOne runs at %s; workers and commands reach it with
  export ENTRAFLOW_PINGONE_API_ENDPOINT=%s ENTRAFLOW_PINGONE_AUTH_ENDPOINT=%s ENTRAFLOW_PINGONE_CA=%s
Ctrl-C stops it
`, s.URL, s.URL, s.URL, ca))
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, s.Close())
}
