package lab

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// History is one run of one workflow as JSON, one event a line, with payloads decoded; the last line is what the list of
// workflows shows of it.
type History struct {
	ID, Run string
	Text    []byte
}

// EachHistory gives every history of a namespace to f and counts them.
func EachHistory(ctx context.Context, c client.Client, f func(History) error) (count int, err error) {
	var token []byte
	for {
		list, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500, NextPageToken: token})
		if err != nil {
			return count, fmt.Errorf("list the workflows: %w", err)
		}
		for _, e := range list.GetExecutions() {
			h, err := history(ctx, c, e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId())
			if err != nil {
				return count, err
			}
			// Search attributes and memo.
			if err := h.add(e); err != nil {
				return count, err
			}
			count++
			if err := f(h); err != nil {
				return count, err
			}
		}
		if token = list.GetNextPageToken(); len(token) == 0 {
			return count, nil
		}
	}
}

func history(ctx context.Context, c client.Client, id, run string) (History, error) {
	h := History{ID: id, Run: run}
	events := c.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return h, fmt.Errorf("read the history of %s: %w", id, err)
		}
		if err := h.add(e); err != nil {
			return h, err
		}
	}
	return h, nil
}

func (h *History) add(m proto.Message) error {
	raw, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	h.Text = append(append(h.Text, Readable(raw)...), '\n')
	return nil
}

// Readable replaces the base64 of payloads by what it encodes, so that a search finds it.
func Readable(raw []byte) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	b, err := json.Marshal(decoded(v))
	if err != nil {
		return raw
	}
	return b
}

func decoded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if s, ok := value.(string); ok && key == "data" {
				if b, err := base64.StdEncoding.DecodeString(s); err == nil {
					v[key] = string(b)
					continue
				}
			}
			v[key] = decoded(value)
		}
	case []any:
		for i := range v {
			v[i] = decoded(v[i])
		}
	}
	return v
}

// Finds are the places of a text at which one of the needles stands, whatever its case, each with what surrounds it.
func Finds(text []byte, needles [][]byte) (out []string) {
	lower := bytes.ToLower(text)
	for _, n := range needles {
		if at := bytes.Index(lower, bytes.ToLower(n)); at >= 0 {
			out = append(out, fmt.Sprintf("%q", text[max(at-40, 0):min(at+40, len(text))]))
		}
	}
	return out
}
