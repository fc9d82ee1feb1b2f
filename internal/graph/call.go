package graph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
)

// call sends one request: it gets a token, waits for leave, lets send do the SDK's call, and makes a fault of whatever the
// wire saw. A token that Graph does not accept is replaced once, since nothing has been done by then and tokens are
// sometimes refused that are valid.
//
// That link or mark is not known is a matter of time at first. After some attempts the definitions are looked at: without
// them nobody can be provisioned, and no attempt would succeed.
func (c *Client) call(ctx context.Context, op operation, send func(context.Context) error, options ...Option) error {
	c = c.With(options...)
	if op.write && c.known.readOnly {
		return fault.New(op.name, fault.Refused, fault.WithheldByPolicy, "")
	}
	err := c.authorized(ctx, op, send)
	if c.known.attempt > probeAttempts && op.name != opProbe.name && fault.KindOf(err) == fault.NotReady && fault.Is(err, fault.ExtensionNotReady) {
		return c.defined(ctx, op, err, ExtensionName(c.config.ClientID, LinkProperty), ExtensionName(c.config.ClientID, MarkProperty))
	}
	return err
}

// authorized sends one request with a token.
func (c *Client) authorized(ctx context.Context, op operation, send func(context.Context) error) error {
	rejected := ""
	for {
		tok, err := c.tokens.get(ctx, c.credential, rejected)
		if err != nil {
			return err
		}
		ex := &exchange{bearer: tok.raw}
		if err := c.exchange(ctx, op, ex, tok, send); err != nil {
			if ex.status == http.StatusUnauthorized && rejected == "" && fault.Is(err, fault.TokenRejected) {
				rejected = tok.raw
				continue
			}
			return err
		}
		return nil
	}
}

// exchange is one round trip within the budget.
func (c *Client) exchange(ctx context.Context, op operation, ex *exchange, tok token, send func(context.Context) error) error {
	leave, err := c.budget.enter(ctx, op)
	if err != nil {
		return err
	}
	ex.started = c.options.Now()
	timed, cancel := context.WithTimeout(withExchange(ctx, ex), c.options.Timeout)
	sendErr := send(timed)
	ended := timed.Err()
	cancel()
	ex.finished = c.options.Now()
	leave.done(ex.reached.Load())
	var f *fault.Error
	switch {
	case ex.status == 0:
		f = c.failure(ctx, op, ex, sendErr)
	case ex.status < 200 || ex.status > 299:
		f = c.answered(op, ex, tok)
		if why := ex.header.Get("x-ms-throttle-information"); ex.status == http.StatusTooManyRequests && (why == "" || strings.HasPrefix(why, "Write")) {
			leave.refused()
		}
	case sendErr != nil:
		f = c.unreadable(op, ex, sendErr, ended)
	default:
		used, _ := strconv.ParseFloat(ex.header.Get("x-ms-throttle-limit-percentage"), 64)
		leave.learn(used)
	}
	if ex.status != 0 && ex.status != http.StatusUnauthorized {
		c.accepted.Store(ex.finished.UnixNano())
	}
	c.trace(op, ex, f)
	if f != nil {
		return f
	}
	return nil
}

// signInHolds is how long credentials count as good after Graph has accepted a token of theirs.
const signInHolds = 5 * time.Minute

// answered makes the fault of an answer that is no success, and pauses everybody after a 429.
func (c *Client) answered(op operation, ex *exchange, tok token) *fault.Error {
	a := readAnswer(op, ex, false)
	a.circumstances, a.granted = c.known, tok.grants(op)
	a.accepted = ex.finished.UnixNano()-c.accepted.Load() < int64(signInHolds)
	f := a.fault(c.options.Now(), *c.options.Waits)
	if f.Kind == fault.Throttled {
		wait, known := retryAfter(ex.header, c.options.Now())
		f.RetryAfter = c.budget.pause(wait, known, c.options.Waits.Throttle)
	}
	return f
}

// unreadable makes the fault of a success whose body cannot be used. What a write did is then known to the service alone.
// ended is why the request's time was over, if it was: what came in the same moment may be anything.
func (c *Client) unreadable(op operation, ex *exchange, err, ended error) *fault.Error {
	var f *fault.Error
	switch {
	case op.write:
		f = fault.Wrap(op.name, fault.Uncertain, fault.WriteUncertain, "", err)
		f.RetryAfter = c.options.Waits.Verify.After(c.known.attempt)
	case ended != nil:
		f = contextFault(op.name, ended)
	case ex.readErr != nil && !errors.Is(ex.readErr, errTooLarge):
		f = fault.Wrap(op.name, fault.Transient, fault.GraphUnreachable, "", ex.readErr)
	default:
		f = fault.Wrap(op.name, fault.Internal, fault.UnexpectedAnswer, "", err)
	}
	f.RequestID = cleanID(ex.header.Get("request-id"))
	return f
}

// failure makes the fault of a request without an answer. What matters is whether it may have reached the service.
func (c *Client) failure(ctx context.Context, op operation, ex *exchange, err error) *fault.Error {
	if ex.err != nil {
		err = ex.err
	}
	switch {
	case ex.foreign:
		return fault.Wrap(op.name, fault.Refused, fault.ForeignNextLink, "", err)
	case err == nil:
		return fault.Wrap(op.name, fault.Internal, fault.InternalError, "", errors.New("the adapter sent nothing"))
	case errors.Is(err, errDeletesMember):
		return fault.Wrap(op.name, fault.Internal, fault.InternalError, "", err)
	case ex.err == nil && ctx.Err() == nil:
		// The SDK failed before there was a request, for example at serialising a model.
		return fault.Wrap(op.name, fault.Internal, fault.InternalError, "", err)
	case ex.reached.Load() && op.write:
		f := fault.Wrap(op.name, fault.Uncertain, fault.WriteUncertain, "", err)
		f.RetryAfter = c.options.Waits.Verify.After(c.known.attempt)
		return f
	case ctx.Err() != nil:
		return contextFault(op.name, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(op.name, fault.Transient, fault.GraphTimeout, "", err)
	case !ex.reached.Load():
		return unreached(op.name, fault.GraphUnreachable, c.host, c.simulated, err)
	}
	return fault.Wrap(op.name, fault.Transient, fault.GraphUnreachable, "", err)
}

// unreached is the fault of a request that never left: no name, no connection, or no trust. Its subject is the host.
func unreached(op string, reason fault.Reason, host string, simulated bool, err error) *fault.Error {
	var (
		unverified *tls.CertificateVerificationError
		unknown    x509.UnknownAuthorityError
		hostname   x509.HostnameError
	)
	switch {
	case errors.As(err, &unverified), errors.As(err, &unknown), errors.As(err, &hostname):
		return fault.Wrap(op, fault.Transient, fault.EndpointUntrusted, host, err)
	case simulated && errors.Is(err, syscall.ECONNREFUSED):
		return fault.Wrap(op, fault.Transient, fault.SimulatorNotRunning, "", err)
	}
	return fault.Wrap(op, fault.Transient, reason, host, err)
}

// contextFault is the fault of a caller that did not wait; nothing had been sent, or only a read.
func contextFault(op string, err error) *fault.Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(op, fault.Transient, fault.GraphTimeout, "", err)
	}
	return fault.Wrap(op, fault.Transient, fault.Interrupted, "", err)
}

// trace tells of the request without ids.
func (c *Client) trace(op operation, ex *exchange, f *fault.Error) {
	if c.options.Trace == nil {
		return
	}
	call := Call{
		Connection: c.config.Connection, Operation: op.name, Method: ex.method, Route: op.route,
		Status: ex.status, Duration: ex.finished.Sub(ex.started), RequestID: cleanID(ex.header.Get("request-id")),
	}
	if f != nil {
		call.Err = f
	}
	c.options.Trace(call)
}
