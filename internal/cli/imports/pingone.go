// Package imports holds the commands that make configuration files of what other systems are configured to do.
package imports

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/pingoneimport"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

// Command is `starter import`.
func Command(a *session.Session) *cobra.Command {
	return a.Group("import", "Make a configuration file of what another system provisions", example, pingOneCommand(a))
}

const example = `  export PINGONE_CLIENT_SECRET=…
  go run ./starter import pingone --region eu --environment 3f0c1a52-… --client-id 8a1c7d90-… --client-secret env:PINGONE_CLIENT_SECRET -f entra.yaml`

// pingOneFlags are those of `import pingone`.
type pingOneFlags struct {
	pingone.Environment
	connection, file string
}

func pingOneCommand(a *session.Session) *cobra.Command {
	var f pingOneFlags
	c := &cobra.Command{
		Use:   "pingone --environment ID --region REGION --client-id ID --client-secret REFERENCE [--connection NAME] [-f FILE]",
		Short: "Make a configuration file of PingOne's own provisioning to Microsoft 365",
		Long: `pingone reads the connections, rules and mappings of an environment's provisioning and writes a configuration file for one
connection to Microsoft 365 (Azure). It changes nothing in PingOne. What has no exact counterpart is left out, with a comment at its place that
begins "not carried over". No secret is read or written, and every rule is switched off.

The worker application needs the role Environment Admin for this; for reading people afterwards Identity Data Read Only is enough.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return importPingOne(cmd.Context(), a, f) },
	}
	c.Flags().StringVar(&f.EnvironmentID, "environment", "", "id of the environment")
	c.Flags().StringVar(&f.Region, "region", "", "na, eu, ap, au, ca or sg")
	c.Flags().StringVar(&f.ClientID, "client-id", "", "client id of a worker application")
	c.Flags().StringVar(&f.ClientSecret, "client-secret", "", "reference to its secret, env:NAME or file:PATH")
	c.Flags().StringVar(&f.connection, "connection", "", "name of the connection in PingOne, if there are several to Microsoft 365")
	c.Flags().StringVarP(&f.file, "file", "f", "", "file to write, which must not exist; without it, the configuration is printed")
	return c
}

// imported is the JSON of `import pingone`.
type imported struct {
	Connection     string   `json:"connection"`
	File           string   `json:"file,omitempty"`
	Rules          []string `json:"rules"`
	NotCarriedOver []string `json:"notCarriedOver"`
	Configuration  string   `json:"configuration,omitempty"`
}

func importPingOne(ctx context.Context, a *session.Session, f pingOneFlags) error {
	if err := complete(f.Environment); err != nil {
		return err
	}
	env := environment(a)
	read, err := session.UntilInterrupted(ctx, func() (*pingone.Provisioning, error) { return pingone.ReadProvisioning(ctx, env, f.Environment) })
	if err != nil {
		return err
	}
	target, err := chosen(pingoneimport.Targets(read), f.connection)
	if err != nil {
		return err
	}
	made := pingoneimport.Make(read, target, f.Environment)
	result := imported{Connection: made.Name, Rules: append([]string{}, made.Rules...), NotCarriedOver: append([]string{}, made.Left...)}
	if f.file == "" {
		result.Configuration = made.Text
		for _, l := range made.Left {
			a.Notes.Sayf("not carried over: %s", l)
		}
		return a.Print(result, made.Text)
	}
	if err := write(a.Path(f.file), made.Text); err != nil {
		return err
	}
	result.File = f.file
	var text strings.Builder
	fmt.Fprintf(&text, "connection %s with %d rules written to %s; nothing was changed in PingOne\n", made.Name, len(made.Rules), f.file)
	for _, l := range made.Left {
		fmt.Fprintf(&text, "not carried over: %s\n", l)
	}
	fmt.Fprintf(&text, "next: read the file, set ENTRA_CLIENT_SECRET, and try starter mapping test -f %s\n", f.file)
	return a.Print(result, text.String())
}

// environment is that of the process; settings come from the session's variables.
func environment(a *session.Session) source.Environment {
	env := session.SourceEnvironment()
	env.Now, env.Setting = a.Now, a.Getenv
	return env
}

// complete looks at the flags before anybody is asked.
func complete(e pingone.Environment) error {
	var problems []string
	settings := &pingone.Settings{PingOne: e}
	flags := strings.NewReplacer("pingone.environmentId", "--environment", "pingone.region", "--region", "pingone.clientId", "--client-id",
		"pingone.clientSecret", "--client-secret")
	settings.Check(source.Report{Problem: func(key, message string) { problems = append(problems, flags.Replace(key)+": "+message) },
		Warning: func(string, string) {}, Unknown: func(string, []string) {}})
	if len(problems) > 0 {
		return session.WrongUse("correct the flags", "%s", strings.Join(problems, "\n"))
	}
	return nil
}

// chosen is the connection to carry over.
func chosen(targets []pingone.ProvisioningStore, name string) (pingone.ProvisioningStore, error) {
	var names []string
	var found []pingone.ProvisioningStore
	for _, t := range targets {
		names = append(names, t.Name)
		if name == "" || t.Name == name {
			found = append(found, t)
		}
	}
	switch {
	case len(targets) == 0:
		return pingone.ProvisioningStore{}, session.WrongUse("look at the environment's id", "the environment has no connection to Microsoft 365")
	case len(found) == 0:
		return pingone.ProvisioningStore{}, session.WrongUse("name one of them: "+strings.Join(names, ", "), "there is no connection %q to Microsoft 365", name)
	case len(found) > 1:
		return pingone.ProvisioningStore{}, session.WrongUse("name one with --connection: "+strings.Join(names, ", "), "there are %d connections to Microsoft 365", len(found))
	}
	return found[0], nil
}

// write makes a new file.
func write(path, text string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return session.WrongUse("name another file", "%s exists already and is left as it is", path)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteString(text)
	return err
}
