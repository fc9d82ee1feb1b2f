package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// Answer is the cause (fault.Error.Err) of a fault that comes from an answer of Graph or of the sign-in service. Its text
// may name people and never leaves the process.
type Answer struct {
	// Row is the row of the table that decided.
	Row string
	// Status is the HTTP status.
	Status int
	// Code and Message are error.code and error.message (sign-in: error and error_description); "" when the body had none.
	Code, Message string
	// Refused are the attributes of the request that Graph does not let us write, under Graph's names: those that it names,
	// or those that it is known to refuse in such a case. The same request without them may succeed. Empty where they
	// cannot be told.
	Refused []string
}

// RefusedAttributes gives the attributes of a request that Graph refused to write; nil where an error is of another kind, or
// they cannot be told. What is left of the request is worth a second attempt.
func RefusedAttributes(err error) []string {
	var a *Answer
	if errors.As(err, &a) {
		return a.Refused
	}
	return nil
}

// Error gives status, code and message.
func (a *Answer) Error() string {
	return fmt.Sprintf("HTTP %d %s: %s", a.Status, a.Code, a.Message)
}

var codePattern = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)

// Describe gives status, code and the row that decided, for the log.
func (a *Answer) Describe() string {
	code := a.Code
	if !codePattern.MatchString(code) {
		code = "without a code"
	}
	return fmt.Sprintf("HTTP %d %s, row %q", a.Status, code, a.Row)
}

// answer is an answer that is no success, with what the caller and the token tell about the question.
type answer struct {
	op      operation
	login   bool
	status  int
	header  http.Header
	code    string
	message string
	lower   string // message in lower case
	details []detail
	aadsts  []int
	// requestID is the service's own; never a value of ours.
	requestID string
	// circumstances are what the caller knows.
	circumstances
	granted grant
	// accepted: tokens of this session were accepted within signInHolds.
	accepted bool
}

type detail struct {
	Code   string `json:"code"`
	Target string `json:"target"`
}

// grant is what the token tells about the permission that the operation needs.
type grant int

const (
	grantUnknown grant = iota // the token cannot be read
	grantNone                 // no application permission at all
	grantLacking              // some, but none that covers the operation
	grantHeld                 // one that covers it
)

// readAnswer reads the envelope of an answer; a body that is none leaves code and message empty.
func readAnswer(op operation, ex *exchange, login bool) *answer {
	a := &answer{op: op, login: login, status: ex.status, header: ex.header}
	if login {
		a.readLogin(ex.body)
	} else {
		a.readGraph(ex.body)
	}
	a.lower = strings.ToLower(a.message)
	for _, candidate := range []string{ex.header.Get("request-id"), ex.header.Get("x-ms-request-id"), a.requestID} {
		if a.requestID = cleanID(candidate); a.requestID != "" {
			break
		}
	}
	return a
}

// readGraph: https://learn.microsoft.com/graph/errors. The inner error's key is written in two ways; encoding/json does
// not mind case.
func (a *answer) readGraph(body []byte) {
	var envelope struct {
		Error struct {
			Code       string   `json:"code"`
			Message    string   `json:"message"`
			Details    []detail `json:"details"`
			InnerError struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return
	}
	e := envelope.Error
	a.code, a.message, a.details, a.requestID = e.Code, e.Message, e.Details, e.InnerError.RequestID
}

var aadstsPattern = regexp.MustCompile(`AADSTS(\d+)`)

// readLogin: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func (a *answer) readLogin(body []byte) {
	var envelope struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		TraceID     string `json:"trace_id"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return
	}
	a.code, a.message, a.aadsts, a.requestID = envelope.Error, envelope.Description, envelope.Codes, envelope.TraceID
	if m := aadstsPattern.FindStringSubmatch(a.message); m != nil && len(a.aadsts) == 0 {
		if n, err := strconv.Atoi(m[1]); err == nil {
			a.aadsts = []int{n}
		}
	}
}

// fault is what the table makes of the answer.
func (a *answer) fault(now time.Time, waits backoff.Policy) *fault.Error {
	r := match(a)
	f := &fault.Error{
		Op: a.op.name, Kind: r.kind, Reason: r.reason, RequestID: a.requestID,
		Err: &Answer{Row: r.name, Status: a.status, Code: a.code, Message: a.message, Refused: r.refused(a)},
	}
	if r.subject != nil {
		f.Subject = r.subject(a)
	}
	if d, ok := retryAfter(a.header, now); ok && r.kind.Retryable() {
		f.RetryAfter = d
	} else if r.wait != nil {
		f.RetryAfter = r.wait(waits).After(a.attempt)
	}
	return f
}

var extensionPattern = regexp.MustCompile(`extension_[0-9A-Fa-f]+_[A-Za-z0-9_]+`)

var propertyPattern = regexp.MustCompile(`(?i)\bpropert(?:y|ies)\s+'?([A-Za-z][A-Za-z0-9_.]*)`)

// attributes are the names of the attributes that the answer is about, as far as it names some that we know. Only known names
// pass, because what an answer names may be a value.
func (a *answer) attributes() []string {
	var names []string
	add := func(s string) {
		if name := knownAttribute(s); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, d := range a.details {
		add(d.Target)
	}
	for _, m := range propertyPattern.FindAllStringSubmatch(a.message, -1) {
		add(m[1])
	}
	for _, name := range extensionPattern.FindAllString(a.message, -1) {
		add(name)
	}
	return names
}

func knownAttribute(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	if a, ok := directory.FindAttribute(name); ok {
		return a.Name
	}
	for _, other := range []string{"mail", "proxyAddresses", "passwordProfile", "description", "uniqueName", LinkProperty, MarkProperty} {
		if strings.EqualFold(name, other) || strings.HasPrefix(name, "extension_") && strings.HasSuffix(name, "_"+other) {
			return other
		}
	}
	return ""
}

var idPattern = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// cleanID lets only what looks like an id pass.
func cleanID(s string) string {
	if idPattern.MatchString(s) {
		return s
	}
	return ""
}
