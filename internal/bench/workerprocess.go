package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// workerProcess is the worker process that is killed.
type workerProcess struct {
	bed *bed
	dir string
	log string
	cmd *exec.Cmd
}

func newWorkerProcess(b *bed, dir string) *workerProcess {
	return &workerProcess{bed: b, dir: dir, log: filepath.Join(b.dir, "worker.log")}
}

// start starts a process that goes on with what the one before left.
func (v *workerProcess) start(ctx context.Context) error {
	cmd, err := itself(ctx, roleWorker,
		"TEMPORAL_ADDRESS="+v.bed.server.Address,
		"ENTRAFLOW_SIMULATOR_DIR="+v.dir,
		fmt.Sprintf("ENTRAFLOW_PACE=%g", pace),
		"ENTRAFLOW_WATCH=false", // The measurement says when a sync begins.
		fmt.Sprintf("ENTRAFLOW_ACTIVITIES=%d", places),
		"ENTRAFLOW_LOG_LEVEL=info",
	)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(v.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	v.cmd = cmd
	return nil
}

// kill ends it at once, with SIGKILL: nothing is finished, nothing is said.
func (v *workerProcess) kill() error {
	if v.cmd == nil {
		return nil
	}
	if err := v.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the worker: %w", err)
	}
	_ = v.cmd.Wait() // it tells that it was killed
	v.cmd = nil
	return nil
}

// captured is what the simulator is sent: initial passwords, and the number of writes.
type captured struct {
	mu        sync.Mutex
	passwords []string
	lab.WriteCount
}

// observe sees each request at its start.
func (c *captured) observe(r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/v1.0/users") || r.Method != http.MethodPost && r.Method != http.MethodPatch {
		return
	}
	c.Add()
	if r.Method != http.MethodPost || r.URL.Path != "/v1.0/users" {
		return
	}
	if _, password := created(r); password != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.passwords = append(c.passwords, password)
	}
}

// created reads name and password out of a creation.
func created(r *http.Request) (name, password string) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return "", ""
	}
	var body struct {
		UserPrincipalName string `json:"userPrincipalName"`
		PasswordProfile   struct {
			Password string `json:"password"`
		} `json:"passwordProfile"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return "", ""
	}
	return body.UserPrincipalName, body.PasswordProfile.Password
}

func (c *captured) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.passwords...)
}

// secretValue is the client secret, to be looked for.
const secretValue = simulator.DefaultClientSecret
