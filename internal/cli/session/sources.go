package session

import (
	"os"
	"strings"

	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
)

// SourceEnvironment is what this process gives its stores: what a worker with the same environment variables would.
func SourceEnvironment() source.Environment {
	secrets := secret.Store{Root: os.Getenv("ENTRAFLOW_SECRET_ROOT")}
	for name := range strings.SplitSeq(os.Getenv("ENTRAFLOW_SECRET_ENV"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			secrets.Variables = append(secrets.Variables, name)
		}
	}
	return source.Environment{Root: os.Getenv("ENTRAFLOW_SOURCE_ROOT"), Secrets: secrets}
}
