package devserver

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraflow/entraflow/internal/filelock"
)

// Names of the files in the state directory.
const (
	lockFile   = "temporal.lock"
	recordFile = "temporal.json"
	dataFile   = "temporal.db"
	logFile    = "temporal.log"
)

// Record says where the server of a state directory listens.
type Record struct {
	// PID of the server.
	PID int `json:"pid"`
	// Address of the server, host:port.
	Address string `json:"address"`
	// HTTP is where the server's HTTP API listens, which refuses every request.
	HTTP string `json:"http"`
	// UI is where people find the Web UI, http://host:port.
	UI string `json:"ui"`
	// UIBackend is where the Web UI itself listens, which answers whatever name it is called by.
	UIBackend string `json:"uiBackend"`
	// Namespace that was made at its start.
	Namespace string `json:"namespace"`
}

// Find gives the running server of a state directory; ok is false when none runs there.
func Find(dir string) (r Record, ok bool) {
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); err != nil {
		return Record{}, false
	}
	if l, err := filelock.Try(path); err == nil {
		// Nobody held it, so nobody runs; a failed close would only end the lock later.
		_ = l.Release()
		return Record{}, false
	}
	b, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil || json.Unmarshal(b, &r) != nil {
		return Record{}, false
	}
	return r, true
}

func (r Record) save(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write %s: %w", recordFile, err)
	}
	return os.WriteFile(filepath.Join(dir, recordFile), append(b, '\n'), 0o600)
}
