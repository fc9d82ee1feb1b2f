package ldap

import (
	"context"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/source"
)

// checkChanges says how the server will tell of changes, and what it will not tell of.
func (s *Source) checkChanges(ctx context.Context, r *reading) source.Finding {
	c, err := s.dial(ctx)
	if err != nil {
		return s.refused(err)
	}
	defer func() { _ = c.Close() }()
	w := &watch{Source: s, reading: r, conn: c}
	c.SetTimeout(0)
	defer c.SetTimeout(time.Second)
	if w.root, err = w.ask(ctx, rootRequest()); err != nil {
		return s.refused(err)
	}
	if r.facts.kind == kindActiveDirectory {
		return w.checkActiveDirectory(ctx)
	}
	return w.checkSyncrepl(ctx)
}

const stepChanges = "changes"

func waits(message, fix string) source.Finding {
	return source.Finding{Step: stepChanges, Warning: true, Message: message, Setting: "ldap.bindDN", Fix: fix}
}

func (w *watch) checkActiveDirectory(ctx context.Context) source.Finding {
	const right = "give the account the right Replicating Directory Changes on the domain, or leave it as it is"
	_, _, err := (&dirSync{watch: w}).page(ctx, nobody)
	if err == nil {
		return source.Finding{Step: stepChanges, Message: "changes are told as they happen, by DirSync; deletions, too, if the account can read Deleted Objects"}
	}
	if _, _, err = (&dirSync{watch: w, flags: dirSyncObjectSecurity}).page(ctx, nobody); err == nil {
		return waits("changes are told as they happen, by DirSync with the rights that the account has anyway; who is deleted, or moved to where it cannot read, is found by the next sync", right)
	}
	if _, err = (&updateNumbers{watch: w}).begin(ctx); err == nil {
		return waits("changes are told as they happen, by uSNChanged of one domain controller, since DirSync is denied; moves out of the base DN are found by the next sync", right)
	}
	return waits("the server does not tell of changes: the next sync finds them", right)
}

func (w *watch) checkSyncrepl(ctx context.Context) source.Finding {
	const overlay = "in OpenLDAP, add the overlay syncprov to the database, or leave it as it is"
	if !w.supports(controlSync) {
		return waits("the server does not tell of changes: the next sync finds them", overlay)
	}
	// One that refreshes only ends at once.
	limited, cancel := context.WithTimeout(ctx, w.timeout())
	defer cancel()
	request := w.request(nobody)
	request.Attributes = []string{"1.1"}
	stream := w.conn.Syncrepl(limited, request, 0, goldap.SyncRequestModeRefreshOnly, w.present(ctx), false)
	for stream.Next() {
		continue
	}
	if stream.Err() != nil {
		return waits("the server does not let this account hear of changes: the next sync finds them", overlay)
	}
	return source.Finding{Step: stepChanges, Message: "changes are told as they happen, by syncrepl (RFC 4533)"}
}
