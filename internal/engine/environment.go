// Package engine puts the parts of a worker together: Graph clients, sources, activities and workflows. The worker's main
// and `starter up` share it.
package engine

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// Environment are the worker's settings, each from the environment variable ENTRAFLOW_<NAME>. The Temporal client has
// settings of its own (TEMPORAL_ADDRESS and others).
type Environment struct {
	// GraphEndpoint replaces the cloud's Graph host: https://host:port without a path. ENTRAFLOW_GRAPH_ENDPOINT.
	GraphEndpoint string `split_words:"true"`
	// LoginEndpoint replaces the cloud's sign-in host. ENTRAFLOW_LOGIN_ENDPOINT.
	LoginEndpoint string `split_words:"true"`
	// SourceRoot is the folder below which source files must lie; empty allows any. ENTRAFLOW_SOURCE_ROOT.
	SourceRoot string `split_words:"true"`
	// SecretRoot is the folder below which the files of secrets must lie; empty allows any. ENTRAFLOW_SECRET_ROOT.
	SecretRoot string `split_words:"true"`
	// SecretEnv are the environment variables that a configuration may name, separated by commas; one that ends in * is a prefix.
	// Empty allows any. ENTRAFLOW_SECRET_ENV.
	SecretEnv []string `split_words:"true"`
	// Tenants are the tenants that may be provisioned, as configurations name them, separated by commas; empty allows any.
	// ENTRAFLOW_TENANTS.
	Tenants []string
	// WriteShare is this worker's share of a tenant's write budget (3,000 writes in 150 s), above 0 to 1. With three
	// workers give each 0.33. ENTRAFLOW_WRITE_SHARE.
	WriteShare float64 `split_words:"true" default:"1"`
	// Activities is how many activities run at a time. ENTRAFLOW_ACTIVITIES.
	Activities int `default:"50"`
	// Watch listens to the changes of sources between syncs. ENTRAFLOW_WATCH.
	Watch bool `default:"true"`
	// WebhookAddress is where webhooks of identity stores are taken, host:port; empty takes none. ENTRAFLOW_WEBHOOK_ADDRESS.
	WebhookAddress string `split_words:"true"`
	// WebhookSecret refers to what a sender must show (Authorization: Bearer …), env:NAME or file:PATH. ENTRAFLOW_WEBHOOK_SECRET.
	WebhookSecret string `split_words:"true"`
	// WebhookCertificate refers to the endpoint's certificate and key as PEM; empty serves without TLS, for a proxy before it.
	// ENTRAFLOW_WEBHOOK_CERTIFICATE.
	WebhookCertificate string `split_words:"true"`
	// WebhookClientCA refers to the authorities, as PEM, one of which must have signed the sender's certificate. ENTRAFLOW_WEBHOOK_CLIENT_CA.
	WebhookClientCA string `envconfig:"WEBHOOK_CLIENT_CA"`
	// Pace multiplies the waits that entraflow chooses itself, never a Retry-After. For tests. ENTRAFLOW_PACE.
	Pace float64 `default:"1"`
	// SimulatorDir is where a running simulator left its address. ENTRAFLOW_SIMULATOR_DIR.
	SimulatorDir string `split_words:"true" default:".entraflow/simulator"`
	// LogLevel is debug, info, warn or error. ENTRAFLOW_LOG_LEVEL.
	LogLevel string `split_words:"true" default:"info"`
}

// LoadEnvironment reads the environment and reports every problem at once.
func LoadEnvironment() (Environment, error) {
	var e Environment
	if err := envconfig.Process("entraflow", &e); err != nil {
		return e, fmt.Errorf("an ENTRAFLOW_ variable cannot be read: %w", err)
	}
	return e, e.Validate()
}

// Validate reports every problem at once.
func (e Environment) Validate() error {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if (e.GraphEndpoint == "") != (e.LoginEndpoint == "") {
		add("ENTRAFLOW_GRAPH_ENDPOINT and ENTRAFLOW_LOGIN_ENDPOINT: set both or neither")
	}
	for _, v := range []struct{ name, value string }{
		{"ENTRAFLOW_GRAPH_ENDPOINT", e.GraphEndpoint}, {"ENTRAFLOW_LOGIN_ENDPOINT", e.LoginEndpoint},
	} {
		if v.value == "" {
			continue
		}
		u, err := url.Parse(v.value)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			add("%s: write it as https://host:port, without a path or anything else", v.name)
		}
	}
	if e.WriteShare <= 0 || e.WriteShare > 1 {
		add("ENTRAFLOW_WRITE_SHARE: give a number above 0 and at most 1")
	}
	if e.Activities < 1 || e.Activities > 1000 {
		add("ENTRAFLOW_ACTIVITIES: give a number from 1 to 1000")
	}
	if e.WebhookAddress != "" {
		if _, _, err := net.SplitHostPort(e.WebhookAddress); err != nil {
			add("ENTRAFLOW_WEBHOOK_ADDRESS: write it as host:port")
		}
		if e.WebhookSecret == "" && e.WebhookClientCA == "" {
			add("ENTRAFLOW_WEBHOOK_ADDRESS: anybody could call it; set ENTRAFLOW_WEBHOOK_SECRET or ENTRAFLOW_WEBHOOK_CLIENT_CA, too")
		}
		if e.WebhookClientCA != "" && e.WebhookCertificate == "" {
			add("ENTRAFLOW_WEBHOOK_CLIENT_CA: client certificates need TLS; set ENTRAFLOW_WEBHOOK_CERTIFICATE, too")
		}
	}
	if e.Pace <= 0 {
		add("ENTRAFLOW_PACE: give a number above 0")
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s", strings.Join(problems, "\n"))
	}
	return nil
}
