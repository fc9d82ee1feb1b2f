package up

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
)

// lookEvery is how often `up` looks for syncs that ended.
const lookEvery = 3 * time.Second

// watch keeps everything running, and tells of each further sync, until the person or the death of something ends it.
func (u *running) watch(ctx context.Context, first []report.Outcome) error {
	if u.link.UI != "" {
		u.Notes.Sayf("\nWeb UI: %s", u.link.UI+"/namespaces/"+u.link.Namespace+"/workflows")
		u.Notes.Sayf("  connection: %s", u.link.WorkflowURL(api.ConnectionID(u.cfg.Name)))
		for _, o := range first {
			u.Notes.Sayf("  rule %s: %s", o.Rule, u.link.WorkflowURL(o.WorkflowID))
		}
	}
	u.Notes.Sayf("running; Ctrl-C stops everything")
	var said notifications
	if d, err := u.link.Describe(ctx, u.cfg.Name); err == nil {
		said.begin(d)
		for _, r := range d.Rules {
			if r.Deleting {
				u.Notes.Sayf("%s", deletingText(u.link, u.cfg.Name, r.Name))
			}
		}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	silent := false
	for {
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				return cause
			}
			u.Notes.Sayf("stopping")
			return nil
		case <-tick.C:
		}
		d, err := u.link.Describe(ctx, u.cfg.Name)
		if err != nil {
			if ctx.Err() == nil && !silent {
				u.Notes.Sayf("warning: connection %s does not answer: %v", u.cfg.Name, err)
			}
			silent = true
			continue
		}
		if silent {
			u.Notes.Sayf("connection %s answers again", u.cfg.Name)
			silent = false
		}
		for _, line := range said.news(u.link, d) {
			u.Notes.Sayf("%s", line)
		}
	}
}

// uiOffset is how far above its own port a development server puts the Web UI.
const uiOffset = 1000

// localUI finds the Web UI of a development server on this machine that was started by somebody else; "" when there is
// none to be found.
func localUI(ctx context.Context, address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	ip := net.ParseIP(host)
	n, err := strconv.Atoi(port)
	if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	ui := "http://" + net.JoinHostPort(host, strconv.Itoa(n+uiOffset))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, ui, nil)
	if err != nil {
		return ""
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	if answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	return ui
}
