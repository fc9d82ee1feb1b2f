package simulator

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
)

// Faults are accidents, each with a probability from 0 to 1 for a Graph request. Their sum must not exceed 1. One number is
// drawn for each request, so that the same seed and sequence of requests has the same accidents.
type Faults struct {
	// On limits the accidents to "reads" or "writes"; "" is both.
	On string `json:"on,omitempty"`
	// Throttle answers 429 with Retry-After: RetryAfterSeconds (default 1).
	Throttle          float64 `json:"throttle,omitempty"`
	RetryAfterSeconds int     `json:"retryAfterSeconds,omitempty"`
	// ThrottleBare answers 429 without Retry-After.
	ThrottleBare float64 `json:"throttleBare,omitempty"`
	// InternalError answers 500.
	InternalError float64 `json:"internalError,omitempty"`
	// BadGateway answers 502 without a body.
	BadGateway float64 `json:"badGateway,omitempty"`
	// UnavailableHTML answers 503 with a page for people.
	UnavailableHTML float64 `json:"unavailableHtml,omitempty"`
	// UnavailableCommitted carries a write out and answers 503.
	UnavailableCommitted float64 `json:"unavailableCommitted,omitempty"`
	// TimeoutCommitted carries a write out and answers 504; a read gets the 504 alone.
	TimeoutCommitted float64 `json:"timeoutCommitted,omitempty"`
	// Reset breaks the connection before anything was done.
	Reset float64 `json:"reset,omitempty"`
	// ResetCommitted carries a write out and breaks the connection; a read is only broken.
	ResetCommitted float64 `json:"resetCommitted,omitempty"`
	// Concurrency refuses a write with 409 Directory_ConcurrencyViolation.
	Concurrency float64 `json:"concurrency,omitempty"`
	// Unauthorized answers 401 to a valid token.
	Unauthorized float64 `json:"unauthorized,omitempty"`
	// ExtensionFlap treats a usable extension property as not yet usable, for a write or a $filter that names one. A $select would
	// silently lose values at random, which no client could notice.
	ExtensionFlap float64 `json:"extensionFlap,omitempty"`
	// LicenseLag: the licensing service does not know yet a usageLocation that was just written, the creating POST included, and
	// assignLicense calls it invalid. Drawn once for each location that is written.
	LicenseLag float64 `json:"licenseLag,omitempty"`
	// LicenseLagTries is how many assignments are refused until it knows; default 2. Where LicenseLagSeconds is given, it takes
	// so long instead.
	LicenseLagTries   int     `json:"licenseLagTries,omitempty"`
	LicenseLagSeconds float64 `json:"licenseLagSeconds,omitempty"`
	// LastOwner treats an owner of a group as its last one.
	LastOwner float64 `json:"lastOwner,omitempty"`
	// EmptyPage answers a page of a list with no objects and a link to the next page. Drawn apart from the rest.
	EmptyPage float64 `json:"emptyPage,omitempty"`
}

// Fault is one planned answer.
type Fault struct {
	// Status and Body are answered as they are; an empty Body is sent empty.
	Status int
	Body   string
	// ContentType: default application/json when there is a body.
	ContentType string
	// Headers are set as given, for example Retry-After.
	Headers map[string]string
	// Commit carries the request out before failing it.
	Commit bool
	// Reset breaks the connection instead of answering.
	Reset bool
}

// GraphFault is a planned answer in Graph's error envelope.
func GraphFault(status int, code, message string) Fault {
	return Fault{Status: status, Body: string(appendFields(nil, []field{{"error", []field{{"code", code}, {"message", message},
		{"innerError", []field{{"date", "2026-01-01T00:00:00"}, {"request-id", "00000000-0000-4000-8000-000000000001"},
			{"client-request-id", "00000000-0000-4000-8000-000000000001"}}}}}}))}
}

type plannedFault struct {
	match func(*http.Request) bool
	f     Fault
}

// FailNext lets the next request that matches meet the fault, once; nil matches any. Several calls queue up: each request
// takes the first of them that matches. Sign-in requests are matched as well. match may read the body, and must not call the
// server.
func (s *Server) FailNext(match func(*http.Request) bool, f Fault) {
	if match == nil {
		match = func(*http.Request) bool { return true }
	}
	s.chance.Lock()
	defer s.chance.Unlock()
	s.chance.planned = append(s.chance.planned, plannedFault{match, f})
}

// takePlanned removes and gives the fault that is meant for the request.
func (s *Server) takePlanned(r *http.Request, rewind func()) (Fault, bool) {
	s.chance.Lock()
	defer s.chance.Unlock()
	for i, p := range s.chance.planned {
		rewind()
		if p.match(r) {
			s.chance.planned = append(append([]plannedFault(nil), s.chance.planned[:i]...), s.chance.planned[i+1:]...)
			return p.f, true
		}
	}
	return Fault{}, false
}

// drawFault decides whether an accident happens to a request, and which.
func (s *Server) drawFault(write bool) (name string, f Fault, ok bool) {
	s.chance.Lock()
	defer s.chance.Unlock()
	u := s.chance.rng.Float64()
	fs := s.chance.faults
	if fs.On == "reads" && write || fs.On == "writes" && !write {
		return "", f, false
	}
	for _, row := range accidents {
		p := row.chance(&fs)
		if u >= p {
			u -= p
			continue
		}
		if row.onlyWrite && !write {
			return "", f, false
		}
		return row.name, row.fault(&fs), true
	}
	return "", f, false
}

// accidents in the order in which the number drawn for a request is laid against them.
var accidents = []struct {
	name      string
	onlyWrite bool
	chance    func(*Faults) float64
	fault     func(*Faults) Fault
}{
	{"429", false, func(f *Faults) float64 { return f.Throttle }, func(f *Faults) Fault { return graphAnswer(tooMany(max(f.RetryAfterSeconds, 1), false)) }},
	{"429 bare", false, func(f *Faults) float64 { return f.ThrottleBare }, func(*Faults) Fault { return graphAnswer(tooMany(0, true)) }},
	{"500", false, func(f *Faults) float64 { return f.InternalError }, func(*Faults) Fault {
		return GraphFault(500, "Service_InternalServerError", "Encountered an internal server error.")
	}},
	{"502", false, func(f *Faults) float64 { return f.BadGateway }, func(*Faults) Fault { return Fault{Status: 502} }},
	{"503 html", false, func(f *Faults) float64 { return f.UnavailableHTML }, func(*Faults) Fault {
		return Fault{Status: 503, ContentType: "text/html", Body: "<html><body><h1>Service Unavailable</h1></body></html>"}
	}},
	{"503 committed", true, func(f *Faults) float64 { return f.UnavailableCommitted }, func(*Faults) Fault {
		return withCommit(GraphFault(503, "serviceNotAvailable", "The service is temporarily unavailable."))
	}},
	{"504 committed", false, func(f *Faults) float64 { return f.TimeoutCommitted }, func(*Faults) Fault { return withCommit(GraphFault(504, "UnknownError", "")) }},
	{"reset", false, func(f *Faults) float64 { return f.Reset }, func(*Faults) Fault { return Fault{Reset: true} }},
	{"reset committed", false, func(f *Faults) float64 { return f.ResetCommitted }, func(*Faults) Fault { return Fault{Reset: true, Commit: true} }},
	{"409", true, func(f *Faults) float64 { return f.Concurrency }, func(*Faults) Fault { return graphAnswer(overlap()) }},
	{"401", false, func(f *Faults) float64 { return f.Unauthorized }, func(*Faults) Fault {
		return graphAnswer(unauthorized("Lifetime validation failed, the token is expired."))
	}},
}

// Validate refuses probabilities that are none, a sum above 1, and an unknown On.
func (f Faults) Validate() error {
	sum := 0.0
	for _, row := range accidents {
		p := row.chance(&f)
		if p < 0 || p > 1 {
			return fmt.Errorf("faults: the probability of %s must be from 0 to 1", row.name)
		}
		sum += p
	}
	switch {
	case sum > 1+1e-9:
		return fmt.Errorf("faults: the probabilities add up to more than 1")
	case slices.ContainsFunc([]float64{f.ExtensionFlap, f.EmptyPage, f.LicenseLag, f.LastOwner}, func(p float64) bool { return p < 0 || p > 1 }):
		return fmt.Errorf("faults: a probability must be from 0 to 1")
	case f.LicenseLagTries < 0 || f.LicenseLagSeconds < 0:
		return fmt.Errorf("faults: the lag of licenses cannot be negative")
	case f.On != "" && f.On != "reads" && f.On != "writes":
		return fmt.Errorf("faults: on must be reads or writes")
	}
	return nil
}

func withCommit(f Fault) Fault {
	f.Commit = true
	return f
}

func graphAnswer(r *refusal) Fault {
	f := GraphFault(r.status, r.code, r.message)
	f.Headers = map[string]string{}
	for k, v := range r.header {
		f.Headers[k] = v
	}
	return f
}

// flap decides whether a usable extension property is treated as unusable.
func (s *Server) flap() bool { return s.draw(func(f *Faults) float64 { return f.ExtensionFlap }) }

func (s *Server) emptyPage() bool { return s.draw(func(f *Faults) float64 { return f.EmptyPage }) }

func (s *Server) draw(p func(*Faults) float64) bool {
	s.chance.Lock()
	defer s.chance.Unlock()
	limit := p(&s.chance.faults)
	return limit > 0 && s.chance.rng.Float64() < limit
}

// send writes a fault's answer.
func (f Fault) send(w http.ResponseWriter) {
	if f.Reset {
		breakConnection(w)
		return
	}
	contentType := f.ContentType
	if contentType == "" && f.Body != "" {
		contentType = "application/json"
	}
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	} else {
		w.Header()["Content-Type"] = nil
	}
	for k, v := range f.Headers {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
}

// breakConnection lets the peer see a reset rather than an orderly end.
func breakConnection(w http.ResponseWriter) {
	if p, ok := w.(*batchPart); ok {
		p.status = http.StatusBadGateway // a part has no connection of its own
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*tls.Conn); ok {
		if tcp, ok := t.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
			return
		}
	}
	_ = conn.Close()
}
