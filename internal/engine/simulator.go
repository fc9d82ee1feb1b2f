package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// SimulatorEndpoint is where a simulator runs, and what certificate to trust it by.
type SimulatorEndpoint struct {
	// URL is https://host:port.
	URL string `json:"url"`
	// CAFile is the path of the simulator's root certificate.
	CAFile string `json:"caFile"`
}

// endpointFile is the name of the file in which a simulator leaves its address.
const endpointFile = "endpoint.json"

// SaveSimulatorEndpoint leaves a running simulator's address where other commands and workers look for it.
func SaveSimulatorEndpoint(dir string, e SimulatorEndpoint) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the simulator's folder: %w", err)
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, endpointFile), append(b, '\n'), 0o600)
}

// RemoveSimulatorEndpoint takes the address away when the simulator stops.
func RemoveSimulatorEndpoint(dir string) error {
	err := os.Remove(filepath.Join(dir, endpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// FindSimulator reads where the simulator runs.
//
// Errors: fault.SimulatorNotRunning (Invalid).
func FindSimulator(dir string) (SimulatorEndpoint, error) {
	b, err := os.ReadFile(filepath.Join(dir, endpointFile))
	if err != nil {
		return SimulatorEndpoint{}, fault.Wrap("find simulator", fault.Invalid, fault.SimulatorNotRunning, dir, err)
	}
	var e SimulatorEndpoint
	if err := json.Unmarshal(b, &e); err != nil {
		return SimulatorEndpoint{}, fault.Wrap("find simulator", fault.Invalid, fault.SimulatorNotRunning, dir, err)
	}
	return e, nil
}

// endpoints finds the hosts of a cloud: those of the environment if it names any, the simulator's, or the cloud's own.
func (e *Engine) endpoints(cloud string) (graph.Endpoints, error) {
	found, ok := graph.CloudEndpoints(cloud)
	if !ok {
		return graph.Endpoints{}, fault.New("find endpoints", fault.Invalid, fault.SettingsInvalid, "cloud "+cloud)
	}
	if env := e.parts.Environment; env.GraphEndpoint != "" {
		found.Graph, found.Login = strings.TrimRight(env.GraphEndpoint, "/"), strings.TrimRight(env.LoginEndpoint, "/")
		return found, nil
	}
	if cloud != config.CloudSimulator {
		return found, nil
	}
	simulator := e.parts.Simulator
	if simulator == nil {
		running, err := FindSimulator(e.parts.Environment.SimulatorDir)
		if err != nil {
			return graph.Endpoints{}, err
		}
		simulator = &running
	}
	pem, err := os.ReadFile(simulator.CAFile)
	if err != nil {
		return graph.Endpoints{}, fault.Wrap("find simulator", fault.Invalid, fault.SimulatorNotRunning, simulator.CAFile, err)
	}
	found.Graph, found.Login, found.CAPEM = simulator.URL, simulator.URL, pem
	return found, nil
}
