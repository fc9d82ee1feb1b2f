package session_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/cli/session"
)

func TestProgram(t *testing.T) {
	for arg0, want := range map[string]string{
		"/usr/local/bin/entraflow": "entraflow",
		"./entraflow":              "entraflow",
		`entraflow.exe`:            "entraflow",
		"/var/folders/go-build312/b001/exe/starter": "go run ./starter",
		"": "go run ./starter",
	} {
		require.Equal(t, want, session.Program(arg0), arg0)
	}
}

func TestMessagesNameTheProgramAsItWasCalled(t *testing.T) {
	const text = "next: `starter plan --connection contoso`, or go run ./starter up -f FILE; the starter plans, kickstarter plan too, starter kit\n"
	for program, want := range map[string]string{
		"entraflow":        "next: `entraflow plan --connection contoso`, or entraflow up -f FILE; the starter plans, kickstarter plan too, starter kit\n",
		"go run ./starter": "next: `go run ./starter plan --connection contoso`, or go run ./starter up -f FILE; the starter plans, kickstarter plan too, starter kit\n",
		"a$1":              "next: `a$1 plan --connection contoso`, or a$1 up -f FILE; the starter plans, kickstarter plan too, starter kit\n",
	} {
		var out bytes.Buffer
		n, err := (&session.Called{W: &out, Program: program, Commands: []string{"up", "plan"}}).Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
		require.Equal(t, want, out.String())
	}
}
