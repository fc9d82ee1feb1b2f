package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/simulator"
)

// simulatorFlags are those of `simulator`.
type simulatorFlags struct {
	seed, faults, state, address string
	latency, lag, delay, groups  time.Duration
	quota                        bool
	bindCost                     int
	random                       uint64
	hosts                        []string
}

// Command is `starter simulator`.
func Command(a *session.Session) *cobra.Command {
	var f simulatorFlags
	c := &cobra.Command{
		Use:   "simulator",
		Short: "Run the simulator of Entra and Graph alone",
		Long: `simulator answers as Microsoft's sign-in service and Graph do, for the part of them that entraflow uses, over HTTPS with a
certificate of its own. Commands and workers in the same directory find it when their connection says cloud: simulator.
Others reach it by ENTRAFLOW_GRAPH_ENDPOINT and ENTRAFLOW_LOGIN_ENDPOINT, and trust it by SSL_CERT_FILE. Ctrl-C stops it.`,
		Example: `  go run ./starter simulator --seed examples/contoso/simulator.yaml
  go run ./starter simulator --state world.json --faults faults.yaml --quota
  go run ./starter simulator state`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSimulator(cmd.Context(), a, f) },
	}
	c.Flags().StringVar(&f.seed, "seed", "", "YAML or JSON file of the tenants to begin with; default a tenant contoso.com")
	c.Flags().StringVar(&f.state, "state", "", "file that keeps the state across runs; once it exists the seed is not read")
	c.Flags().StringVar(&f.faults, "faults", "", "YAML or JSON file of accidents and their probabilities, such as throttle: 0.05")
	c.Flags().StringVar(&f.address, "address", "127.0.0.1:0", "host:port to listen on")
	c.Flags().StringSliceVar(&f.hosts, "host", nil, "further name to answer to, for a client with fixed endpoints that a proxy leads here")
	c.Flags().DurationVar(&f.latency, "latency", 0, "added to each request, plus up to half of it")
	c.Flags().DurationVar(&f.lag, "replica-lag", 0, "how long reads may not see a write")
	c.Flags().DurationVar(&f.delay, "extension-delay", 0, "until a new extension property is usable")
	c.Flags().DurationVar(&f.groups, "group-delay", 0, "until groups give licenses to new members, and dynamic groups have theirs")
	c.Flags().BoolVar(&f.quota, "quota", false, "enforce Graph's real quotas")
	c.Flags().IntVar(&f.bindCost, "bind-cost", 1, "with --quota: how many writes adding up to twenty members at once costs; between 1 and 7 in reality")
	c.Flags().Uint64Var(&f.random, "random-seed", 0, "makes accidents and ids repeatable; default another one each time")
	c.AddCommand(
		simulatorQuestion(a, "state", "Print all that the running simulator holds, as JSON; no passwords and no secrets"),
		simulatorQuestion(a, "stats", "Print what clients asked of the running simulator, as JSON"),
		pingOneCommand(a),
	)
	return c
}

func runSimulator(ctx context.Context, a *session.Session, f simulatorFlags) error {
	env, err := a.Environment()
	if err != nil {
		return err
	}
	if endpoint, _, ok := Find(ctx, env.SimulatorDir); ok {
		return session.WrongUse("stop it first, or work in another directory", "a simulator runs here already, at %s", endpoint.URL)
	}
	o := simulator.Options{Address: f.address, Latency: f.latency, ReplicaLag: f.lag, ExtensionDelay: f.delay, GroupDelay: f.groups, RandomSeed: f.random, Hosts: f.hosts}
	if f.quota {
		o.Quota = simulator.DefaultQuota()
		o.Quota.BindCost = f.bindCost
	}
	if f.seed != "" {
		if o.Seed, err = loadSeed(a.Path(f.seed)); err != nil {
			return err
		}
	}
	if f.faults != "" {
		if o.Faults, err = loadFaults(a.Path(f.faults)); err != nil {
			return err
		}
	}
	s, err := Start(a, o, env.SimulatorDir, a.Path(f.state))
	if err != nil {
		return err
	}
	err = a.Print(struct {
		engine.SimulatorEndpoint
		StateFile string `json:"stateFile,omitempty"`
	}{s.SimulatorEndpoint, s.State}, simulatorText(s))
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, s.Close())
}

func simulatorText(s *simulation) string {
	e := s.SimulatorEndpoint
	var b bytes.Buffer
	fmt.Fprintf(&b, "the simulator runs at %s; its certificate is %s\n", e.URL, e.CAFile)
	fmt.Fprintf(&b, "commands and workers in this directory find it; others need\n")
	fmt.Fprintf(&b, "  export ENTRAFLOW_GRAPH_ENDPOINT=%s ENTRAFLOW_LOGIN_ENDPOINT=%s SSL_CERT_FILE=%s\n", e.URL, e.URL, e.CAFile)
	fmt.Fprintf(&b, "by hand: curl --cacert %s %s/simulator/state\n", e.CAFile, e.URL)
	if s.State != "" {
		fmt.Fprintf(&b, "its state is kept in %s\n", s.State)
	}
	fmt.Fprintf(&b, "Ctrl-C stops it\n")
	return b.String()
}

// simulatorQuestion prints one of the documents of the running simulator.
func simulatorQuestion(a *session.Session, what, short string) *cobra.Command {
	return &cobra.Command{
		Use: what, Short: short, Args: cobra.NoArgs, Example: "  go run ./starter simulator " + what,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := a.Environment()
			if err != nil {
				return err
			}
			endpoint, c, ok := Find(cmd.Context(), env.SimulatorDir)
			if !ok {
				return fault.New("", fault.Invalid, fault.SimulatorNotRunning, env.SimulatorDir)
			}
			raw, err := fetch(cmd.Context(), c, endpoint.URL+"/simulator/"+what)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := json.Indent(&b, raw, "", "  "); err != nil {
				return err
			}
			b.WriteByte('\n')
			_, err = a.Stdout.Write(b.Bytes())
			return err
		},
	}
}

// loadFaults reads the simulator's accidents. Its keys are those of the JSON, in YAML or JSON.
func loadFaults(path string) (simulator.Faults, error) {
	var faults simulator.Faults
	raw, err := os.ReadFile(path)
	var generic map[string]any
	if err == nil {
		err = yaml.Unmarshal(raw, &generic)
	}
	var asJSON []byte
	if err == nil {
		asJSON, err = json.Marshal(generic)
	}
	if err == nil {
		strict := json.NewDecoder(bytes.NewReader(asJSON))
		strict.DisallowUnknownFields()
		err = strict.Decode(&faults)
	}
	if err != nil {
		return faults, &session.Failure{Status: session.StatusWrongUse, What: "the file of faults cannot be used", Why: err,
			Next: "give probabilities by name, such as throttle: 0.05"}
	}
	return faults, nil
}
