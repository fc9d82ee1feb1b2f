package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/temporal"
)

// versions is the JSON of `version`.
type versions struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Temporal string `json:"temporalSdk"`
}

func (a command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  go run ./starter version -o json",
		RunE: func(*cobra.Command, []string) error {
			v := versions{Version: "development", Go: runtime.Version(), Temporal: temporal.SDKVersion}
			if info, ok := debug.ReadBuildInfo(); ok {
				if info.Main.Version != "" && info.Main.Version != "(devel)" {
					v.Version = info.Main.Version
				}
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						v.Revision = s.Value
					case "vcs.modified":
						v.Modified = s.Value == "true"
					}
				}
			}
			text := "entraflow " + v.Version
			if v.Revision != "" {
				text += " (" + v.Revision + ")"
			}
			return a.Print(v, fmt.Sprintf("%s, %s, Temporal SDK %s\n", text, v.Go, v.Temporal))
		},
	}
}
