package main

import (
	"context"
	"io"
)

func chaosCommand(ctx context.Context, args []string, out io.Writer) error { return nil }
