package graph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/entraflow/entraflow/internal/backoff"
)

// RowNames lists the rows of the table of answers.
func RowNames() []string {
	names := make([]string, len(answerTable))
	for i, r := range answerTable {
		names[i] = r.name
	}
	return names
}

// Trusting is a client of a new pool that trusts the certificate as it would one of the system's, so that it does not
// take its endpoints for the simulator.
func Trusting(caPEM []byte, s ClientConfig) *Client {
	s.Endpoints.CAPEM = caPEM
	c, err := NewPool(Options{}).Client(s)
	if err != nil {
		panic(err)
	}
	c.simulated, c.tokens.simulated = false, false
	return c
}

// Enter asks a budget for leave to send.
func (b *Budgets) Enter(ctx context.Context, scope string, write bool) (done func(sent bool), err error) {
	p, err := b.of(scope).enter(ctx, operation{name: "test", write: write})
	if err != nil {
		return nil, err
	}
	return p.done, nil
}

// EnterBind asks a budget for leave to add members. done takes the status of the answer and the share that it reports.
func (b *Budgets) EnterBind(ctx context.Context, scope string) (done func(status int, used float64), err error) {
	return b.answering(ctx, scope, operation{name: "test", write: true, bind: true})
}

// EnterWrite does the same for any other write.
func (b *Budgets) EnterWrite(ctx context.Context, scope string) (done func(status int, used float64), err error) {
	return b.answering(ctx, scope, operation{name: "test", write: true})
}

func (b *Budgets) answering(ctx context.Context, scope string, op operation) (done func(status int, used float64), err error) {
	p, err := b.of(scope).enter(ctx, op)
	if err != nil {
		return nil, err
	}
	return func(status int, used float64) {
		p.done(true)
		if status == 429 {
			p.refused()
		} else {
			p.learn(used)
		}
	}, nil
}

// BindWeight is what a PATCH with members is reckoned to cost.
func (b *Budgets) BindWeight(scope string) int {
	s := b.of(scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.weight.now
}

// Pause is what a 429 does; without a known time it grows.
func (b *Budgets) Pause(scope string, d time.Duration, known bool) time.Duration {
	return b.of(scope).pause(d, known, backoff.Default().Throttle)
}

// Learn is what a success does.
func (b *Budgets) Learn(scope string, used float64) { (&pass{b: b.of(scope)}).learn(used) }

// ReadFrom sends a read with the token to any URL.
func (c *Client) ReadFrom(ctx context.Context, url string) error {
	return c.call(ctx, opListUsers, func(ctx context.Context) error {
		_, err := c.users().WithUrl(url).Get(ctx, nil)
		return err
	})
}

// DeleteAt sends a DELETE with the token to a path below /v1.0.
func (c *Client) DeleteAt(ctx context.Context, path string) error {
	return c.sendGroup(ctx, opRemoveMember, groupRequest(abstractions.DELETE, path, nil))
}

// Redirect leads a client's connections to one address, whatever host it means to speak to. The server's certificate is
// that of name.
func Redirect(c *Client, address, name string, caPEM []byte) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(caPEM)
	base := c.tokens.http.Transport.(*wire).base
	base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	base.TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}
	base.Proxy = nil
}
