package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// events counts the events of a workflow over all its runs, beginning with the given one ("" is the last).
func (b *bed) events(ctx context.Context, id, run string) (events, runs int, err error) {
	for {
		next := ""
		history := b.client.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			e, err := history.Next()
			if err != nil {
				return 0, 0, fmt.Errorf("read the history of %s: %w", id, err)
			}
			events++
			if a := e.GetWorkflowExecutionContinuedAsNewEventAttributes(); a != nil {
				next = a.GetNewExecutionRunId()
			}
		}
		runs++
		if next == "" {
			return events, runs, nil
		}
		run = next
	}
}

// exported is one run's history as JSON, one event a line, payloads decoded.
type exported struct {
	id, run string
	text    []byte
}

// export gives every history of the server to f.
func (b *bed) export(ctx context.Context, f func(exported) error) (count int, err error) {
	var token []byte
	for {
		list, err := b.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500, NextPageToken: token})
		if err != nil {
			return count, fmt.Errorf("list the workflows: %w", err)
		}
		for _, e := range list.GetExecutions() {
			x, err := b.exportOne(ctx, e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId())
			if err != nil {
				return count, err
			}
			// What the list itself shows: search attributes and memo.
			about, err := protojson.Marshal(e)
			if err != nil {
				return count, err
			}
			x.text = append(x.text, readable(about)...)
			count++
			if err := f(x); err != nil {
				return count, err
			}
		}
		if token = list.GetNextPageToken(); len(token) == 0 {
			return count, nil
		}
	}
}

func (b *bed) exportOne(ctx context.Context, id, run string) (exported, error) {
	x := exported{id: id, run: run}
	history := b.client.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		if err != nil {
			return x, fmt.Errorf("read the history of %s: %w", id, err)
		}
		raw, err := protojson.Marshal(e)
		if err != nil {
			return x, err
		}
		x.text = append(append(x.text, readable(raw)...), '\n')
	}
	return x, nil
}

// readable replaces the base64 of payloads by what it encodes, so that a search finds it.
func readable(raw []byte) []byte {
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

// firstRun is the run that a chain of runs, continued as new, began with; "" when it is not known.
func (b *bed) firstRun(ctx context.Context, id string) string {
	d, err := b.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return ""
	}
	return d.GetWorkflowExecutionInfo().GetFirstRunId()
}
