package ldap

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// The control with which Active Directory tells that something has changed somewhere.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/f4094c0d-7c8f-4b9c-ab9d-3ad6cb3ae3a0
const controlNotification = "1.2.840.113556.1.4.528"

// How often a domain controller is asked what has changed: once at least in pollCalm while it tells that something has,
// else in pollBlind; and never sooner than pollPause after the last time, so that many changes are told at once.
const (
	pollCalm  = 5 * time.Second
	pollBlind = time.Second
	pollPause = 100 * time.Millisecond
)

// feed is a way to ask a domain controller what has changed.
type feed interface {
	// begin finds the position to go on from: that of the watching, if it can be, else the present.
	begin(ctx context.Context) (resumed bool, err error)
	// next gives what has changed since, and goes on to the present.
	next(ctx context.Context) (seen, error)
	// position is where the feed is.
	position() position
}

// activeDirectory asks for changes whenever the domain controller says that there are some.
func (w *watch) activeDirectory(ctx context.Context, feeds []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	calls := w.notifications(ctx)
	f, resumed, err := w.begin(ctx, feeds)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		s, err := f.next(ctx)
		if err != nil {
			return err
		}
		s.everybody = s.everybody || first && w.lost(resumed)
		if first || s.anybody() {
			if err := w.tell(s, f.position()); err != nil {
				return err
			}
		}
		if err := calls.wait(ctx); err != nil {
			return err
		}
	}
}

// begin begins with the first feed that the account may use.
func (w *watch) begin(ctx context.Context, feeds []string) (feed, bool, error) {
	var last error
	for _, f := range w.feeds(feeds) {
		resumed, err := f.begin(ctx)
		if _, isAnswer := answered(err); err == nil || !isAnswer {
			return f, resumed, err
		}
		last = err
	}
	return nil, false, w.denied("neither DirSync nor uSNChanged can be read; let the account read the domain", last)
}

func (w *watch) feeds(names []string) []feed {
	var out []feed
	for _, name := range names {
		switch name {
		case feedDirSync:
			out = append(out, &dirSync{watch: w}, &dirSync{watch: w, flags: dirSyncObjectSecurity})
		case feedNumbers:
			out = append(out, &updateNumbers{watch: w})
		}
	}
	return out
}

// domain is the root of the naming context that is watched.
func (w *watch) domain() string {
	if c := w.namingContext(); c != "" {
		return c
	}
	if d := w.about("defaultNamingContext"); len(d) > 0 {
		return d[0]
	}
	return w.BaseDN
}

// peopleFilter finds who is a person, in the filter or no longer in it. Computers are persons to Active Directory.
func (w *watch) peopleFilter() string {
	return "(|(&(objectClass=person)(!(objectClass=computer)))" + w.reading.filter + ")"
}

var filterAttribute = regexp.MustCompile(`\(([A-Za-z][A-Za-z0-9-]*)(?::[^=()]*)?[~<>]?=`)

// attributes are those whose changes count: what the rules read and the filter names, and what tells of moves and deletions. nil is
// all of them.
func (w *watch) watched() []string {
	if w.reading.columns == nil {
		return nil
	}
	out := append(w.reading.attributes(), "name", "parentGUID", "isDeleted", "lastKnownParent", "member")
	for _, m := range filterAttribute.FindAllStringSubmatch(w.reading.filter, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// concerns reports that an entry's change may concern somebody below the base DN.
func (w *watch) concerns(e *goldap.Entry) bool {
	if isDeleted(e) {
		_, parent := splitDN(e.GetEqualFoldAttributeValue("lastKnownParent"))
		return parent == "" || below(parent, w.BaseDN)
	}
	_, dn := splitDN(e.DN)
	// An entry elsewhere may have moved there: it then has a name and a parent among what has changed.
	return below(dn, w.BaseDN) || e.GetEqualFoldAttributeValue("parentGUID") != "" || e.GetEqualFoldAttributeValue("name") != ""
}

func isDeleted(e *goldap.Entry) bool {
	return strings.EqualFold(e.GetEqualFoldAttributeValue("isDeleted"), "TRUE")
}

// splitDN takes a name apart that comes with the entry's GUID before it: <GUID=…>;<SID=…>;CN=….
func splitDN(extended string) (guid, dn string) {
	dn = extended
	for strings.HasPrefix(dn, "<") {
		var part string
		part, dn, _ = strings.Cut(dn, ";")
		if text, ok := strings.CutPrefix(part, "<GUID="); ok {
			guid = strings.ToLower(strings.TrimSuffix(text, ">"))
		}
	}
	return guid, dn
}

// take adds the person of an entry.
func (w *watch) take(ctx context.Context, s *seen, e *goldap.Entry) error {
	if !w.concerns(e) {
		return nil
	}
	// Only what has changed is told, and an id seldom has.
	if id, err := w.reading.idOf(attributeOf(e, w.reading.id)); err == nil {
		s.add(id)
		return nil
	}
	raw := e.GetEqualFoldRawAttributeValue("objectGUID")
	if len(raw) != guidSize || isDeleted(e) {
		s.everybody = true
		return nil
	}
	return w.person(ctx, s, guidText(raw), "")
}

// person adds the person of a GUID or, where there is none, of a name.
func (w *watch) person(ctx context.Context, s *seen, guid, dn string) error {
	if w.reading.guid && guid != "" {
		s.add(guid)
		return nil
	}
	place := dn
	if guid != "" {
		place = "<GUID=" + guid + ">"
	}
	result, err := w.ask(ctx, goldap.NewSearchRequest(place, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{w.reading.id}, nil))
	if _, isAnswer := answered(err); err != nil && !isAnswer {
		return err
	}
	if err == nil && len(result.Entries) == 1 {
		if id, err := w.reading.idOf(attributeOf(result.Entries[0], w.reading.id)); err == nil {
			s.add(id)
			return nil
		}
	}
	s.everybody = true
	return nil
}

// attributeOf finds an attribute by its name; nil where there is none.
func attributeOf(e *goldap.Entry, name string) *rawAttribute {
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, name) {
			return &rawAttribute{a.Name, a.ByteValues}
		}
	}
	return nil
}

// notifications tell when it is time to ask.
type notifications struct {
	news chan struct{}
	// ended is closed when the controller tells no more, or never did.
	ended chan struct{}
}

// notifications asks to be told when something changes in the domain.
func (w *watch) notifications(ctx context.Context) notifications {
	n := notifications{news: make(chan struct{}, 1), ended: make(chan struct{})}
	if !w.supports(controlNotification) {
		close(n.ended)
		return n
	}
	// Only this filter is allowed, and a subtree only from the root.
	stream := w.conn.SearchAsync(ctx, goldap.NewSearchRequest(w.domain(), goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"objectGUID"}, []goldap.Control{
			goldap.NewControlString(controlNotification, true, ""), goldap.NewControlString(controlShowDeleted, false, ""),
		}), 0)
	go func() {
		defer close(n.ended)
		for stream.Next() {
			select {
			case n.news <- struct{}{}:
			default:
			}
		}
	}()
	return n
}

// wait returns when it is time to ask again.
func (n notifications) wait(ctx context.Context) error {
	if err := pause(ctx, pollPause, nil); err != nil {
		return err
	}
	select {
	case <-n.ended:
		return pause(ctx, pollBlind, nil)
	default:
		return pause(ctx, pollCalm, n.news)
	}
}

func pause(ctx context.Context, d time.Duration, sooner <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return interrupted(ctx)
	case <-sooner:
	case <-timer.C:
	}
	return nil
}
