package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
	"github.com/entraflow/entraflow/internal/webhook"
)

// listenForWebhooks opens the endpoint of ENTRAFLOW_WEBHOOK_ADDRESS; nil where there is none. The caller serves and closes it.
func (e *Engine) listenForWebhooks(ctx context.Context) (server *http.Server, listener net.Listener, err error) {
	env := e.parts.Environment
	if env.WebhookAddress == "" {
		return nil, nil, nil
	}
	o := webhook.Options{Parse: parserOf, Take: e.takeEvents, Log: e.parts.Log}
	if env.WebhookSecret != "" {
		o.Secret = func(ctx context.Context) (string, error) {
			return e.secrets.Read(ctx, env.WebhookSecret, fault.SecretUnreadable)
		}
		if _, err := o.Secret(ctx); err != nil {
			return nil, nil, fmt.Errorf("ENTRAFLOW_WEBHOOK_SECRET: %w", err)
		}
	}
	server = &http.Server{Handler: webhook.Handler(o), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10}
	if server.TLSConfig, err = e.webhookTLS(ctx); err != nil {
		return nil, nil, err
	}
	if listener, err = net.Listen("tcp", env.WebhookAddress); err != nil {
		return nil, nil, fmt.Errorf("ENTRAFLOW_WEBHOOK_ADDRESS: %w", err)
	}
	if server.TLSConfig != nil {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	return server, listener, nil
}

// webhookTLS is the endpoint's certificate, and who may call; nil without TLS.
func (e *Engine) webhookTLS(ctx context.Context) (*tls.Config, error) {
	env := e.parts.Environment
	if env.WebhookCertificate == "" {
		return nil, nil
	}
	text, err := e.secrets.Read(ctx, env.WebhookCertificate, fault.CertificateUnreadable)
	if err != nil {
		return nil, fmt.Errorf("ENTRAFLOW_WEBHOOK_CERTIFICATE: %w", err)
	}
	certificate, err := tls.X509KeyPair([]byte(text), []byte(text))
	if err != nil {
		return nil, errors.New("ENTRAFLOW_WEBHOOK_CERTIFICATE: it holds no certificate with its key as PEM")
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	if env.WebhookClientCA == "" {
		return c, nil
	}
	if text, err = e.secrets.Read(ctx, env.WebhookClientCA, fault.CertificateUnreadable); err != nil {
		return nil, fmt.Errorf("ENTRAFLOW_WEBHOOK_CLIENT_CA: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM([]byte(text)) {
		return nil, errors.New("ENTRAFLOW_WEBHOOK_CLIENT_CA: it holds no certificate as PEM")
	}
	return c, nil
}

// parserOf finds the reader of a store's bodies.
func parserOf(store string) func([]byte) (source.Events, error) {
	for _, s := range stores.All() {
		if s.Key == store {
			return s.Events
		}
	}
	return nil
}

// takeEvents starts what events call for, for the rules whose source they are about. While a rule or the connection does not run nothing
// is started: the sync that it begins with finds everything.
//
// Errors: fault.ConnectionUnknown (Refused), TemporalUnavailable (Transient).
func (e *Engine) takeEvents(ctx context.Context, store, connection string, events []source.Event) error {
	s, err := e.describe(ctx, connection)
	if err != nil {
		return err
	}
	if s.Usable() != nil {
		return nil
	}
	taken := map[string]bool{}
	for _, rule := range s.EnabledRules() {
		settings := rule.Source.Settings
		if settings == nil || settings.Store() != store || taken[rule.Source.Key()] {
			continue
		}
		taken[rule.Source.Key()] = true
		changes := changesOf(settings, events)
		if len(changes.IDs) == 0 && !changes.Everybody {
			continue
		}
		if _, _, err := activities.TakeChanges(ctx, e.activities, connection, rule.Name, changes); err != nil {
			return err
		}
	}
	return nil
}

// changesOf are those of the events that are about a source.
func changesOf(settings source.Settings, events []source.Event) (c source.Changes) {
	for _, event := range events {
		about := event.Source == "" || slices.ContainsFunc(settings.Identity(), func(f source.Fact) bool { return strings.EqualFold(f.Value, event.Source) })
		switch {
		case !about:
		case event.Person == "":
			c.Everybody = true
		case !slices.Contains(c.IDs, event.Person):
			c.IDs = append(c.IDs, event.Person)
		}
	}
	return c
}
