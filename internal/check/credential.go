package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// expiryNotice is how long before its end a certificate gets a warning.
const expiryNotice = 30 * 24 * time.Hour

// secret proves that what the application signs in with is there and, as far as it tells by itself, serves today.
func (r *run) secret(ctx context.Context) bool {
	text, err := r.o.Secret(ctx)
	if err != nil {
		return r.fail("secret", err)
	}
	switch c := r.o.Config.Credential(); c.Key {
	case config.KeyCertificate:
		return r.certificate(c.Reference, text)
	case config.KeyFederated:
		return r.federated(c.Reference, text)
	default:
		return r.ok("secret", "the client secret can be read from "+c.Reference)
	}
}

// certificate tells the thumbprint, by which the app registration lists certificates, and the end.
func (r *run) certificate(reference, text string) bool {
	c, err := graph.ParseCertificate(reference, text)
	if err != nil {
		return r.fail("secret", err)
	}
	if err := c.Valid(r.o.Now()); err != nil {
		return r.ended(err, c.NotAfter())
	}
	found := fmt.Sprintf("the certificate with thumbprint %s can be read from %s; it expires on %s", c.Thumbprint(), reference, day(c.NotAfter()))
	if left := c.NotAfter().Sub(r.o.Now()); left < expiryNotice {
		r.add(api.TestCheck{Name: "secret", Status: api.TestWarning, Message: found + ", in " + days(left),
			Fix: "Make a new certificate, upload it to the app registration beside the old one, and then store it with its key under the same " +
				"reference; it is used from the next token on, within about an hour and without a restart."})
		return true
	}
	return r.ok("secret", found)
}

// federated tells what a federated credential must name, letter by letter. A subject is told only where it names a
// workload of Kubernetes: others may name a person.
func (r *run) federated(reference, text string) bool {
	t, err := graph.ParseFederatedToken(reference, text)
	if err != nil {
		return r.fail("secret", err)
	}
	if err := t.Valid(r.o.Now()); err != nil {
		return r.ended(err, t.Expires)
	}
	found := fmt.Sprintf("the federated token can be read from %s; its issuer is %.200q, its audience %.200q", reference, t.Issuer, strings.Join(t.Audience, " "))
	if strings.HasPrefix(t.Subject, "system:serviceaccount:") {
		found += fmt.Sprintf(", its subject %.200q", t.Subject)
	}
	return r.ok("secret", found)
}

// ended is fail for what has expired, with its date.
func (r *run) ended(err error, at time.Time) bool {
	r.fail("secret", err)
	if f := fault.Of(err); f.Reason != fault.CertificateNotYetValid {
		r.report.Checks[len(r.report.Checks)-1].Message += ", on " + at.UTC().Format("2006-01-02 15:04 MST")
	}
	return false
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func days(d time.Duration) string {
	switch n := int(d.Hours() / 24); n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}
