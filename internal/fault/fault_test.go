package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
)

// What is repeated unchanged, and what is not.
func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, retryable := range map[fault.Kind]bool{
		fault.Transient: true, fault.Throttled: true, fault.Uncertain: true, fault.NotReady: true, fault.Rematch: true,
		fault.Invalid: false, fault.Denied: false, fault.NotFound: false, fault.Refused: false, fault.Stale: false, fault.Internal: false,
		"": false, "unheard of": false,
	} {
		require.Equal(t, retryable, kind.Retryable(), "%q", kind)
	}
}

func TestMessageHidesTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("ann@contoso.com said no")
	e := fault.Wrap("create user", fault.Denied, fault.SecretWrong, "clientSecret", cause)
	e.RequestID = "42"
	meaning, advice := fault.SecretWrong.Parts()
	require.Equal(t, "clientSecret: "+meaning+"; "+advice+" (request id 42)", e.Message())
	require.NotContains(t, e.Message(), "ann")
	require.Equal(t, "create user: "+e.Message()+": ann@contoso.com said no", e.Error())
	require.ErrorIs(t, e, cause)
	plain := fault.New("", fault.Invalid, fault.MappingFailed, "")
	require.Equal(t, fault.MappingFailed.Sentence(), plain.Message())
	require.Equal(t, plain.Message(), plain.Error())
}

func TestOf(t *testing.T) {
	t.Parallel()
	require.Nil(t, fault.Of(nil))
	require.Empty(t, fault.KindOf(nil))
	require.False(t, fault.Is(nil, fault.InternalError))

	known := fault.New("read", fault.Transient, fault.GraphTimeout, "")
	known.RetryAfter = time.Minute
	wrapped := fmt.Errorf("outer: %w", known)
	require.Same(t, known, fault.Of(wrapped))
	require.Equal(t, fault.Transient, fault.KindOf(wrapped))
	require.True(t, fault.Is(wrapped, fault.GraphTimeout))
	require.False(t, fault.Is(wrapped, fault.GraphUnavailable))

	foreign := fault.Of(context.Canceled)
	require.Equal(t, fault.Internal, foreign.Kind)
	require.Equal(t, fault.InternalError, foreign.Reason)
	require.ErrorIs(t, foreign, context.Canceled)
	require.NotContains(t, foreign.Message(), "canceled")

	// The outermost fault counts: it knows more of what was being done.
	outer := fault.Wrap("test", fault.Denied, fault.ExtensionDenied, "", known)
	require.Equal(t, fault.ExtensionDenied, fault.Of(outer).Reason)
}

type described struct{}

func (described) Error() string    { return "ann@contoso.com" }
func (described) Describe() string { return "row 7" }

// The log is told what led to an error, and nothing that an error says in its own words.
func TestCauses(t *testing.T) {
	t.Parallel()
	refused := &url.Error{Op: "Get", URL: "https://graph.microsoft.com/v1.0/users/ann@contoso.com",
		Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	for _, test := range []struct {
		err  error
		want []string
	}{
		{nil, nil},
		{fault.New("read", fault.Transient, fault.GraphTimeout, "x"), nil},
		{fault.Wrap("read", fault.Transient, fault.GraphUnreachable, "", refused),
			[]string{"*url.Error", "*net.OpError", "*os.SyscallError", "syscall.Errno: connection refused"}},
		{fmt.Errorf("ann: %w", fault.Wrap("test", fault.Denied, fault.ExtensionDenied, "", fault.Wrap("register", fault.Denied, fault.PermissionDenied, "", described{}))),
			[]string{"*fmt.wrapError", "register: permission_denied", "row 7"}},
		{errors.Join(errors.New("ann"), io.ErrUnexpectedEOF), []string{"*errors.joinError", "*errors.errorString", "*errors.errorString"}},
	} {
		require.Equal(t, test.want, fault.Causes(test.err))
	}
	var deep error = errors.New("ann")
	for range 100 {
		deep = fmt.Errorf("ann: %w", deep)
	}
	require.Len(t, fault.Causes(deep), 16)
}

func TestUnknownReason(t *testing.T) {
	t.Parallel()
	require.False(t, fault.Reason("nope").Known())
	require.Equal(t, fault.InternalError.Sentence(), fault.Reason("nope").Sentence())
	require.True(t, fault.InternalError.Known())
}
