package up

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/cli/session"
)

// retention is how long the histories of closed workflows are kept: people's histories are what an administrator looks
// into, and the server's default of a day would throw them away.
const retention = 90 * 24 * time.Hour

// prepareNamespace gives the namespace its retention and search attributes. A server that does not let us is only warned
// about: administrators of a shared one do it themselves.
func (a command) prepareNamespace(ctx context.Context, t *session.Link) error {
	if err := a.keepHistories(ctx, t); err != nil {
		if err := a.tolerated(ctx, err); err != nil {
			return err
		}
		a.Notes.Sayf("warning: the retention of namespace %s could not be set (%v); histories may be deleted early", t.Namespace, err)
		a.Notes.Sayf("  next: temporal operator namespace update --namespace %s --retention %dh", t.Namespace, int(retention.Hours()))
	}
	missing, err := missingAttributes(ctx, t)
	if err == nil && len(missing) > 0 {
		err = a.addAttributes(ctx, t, missing)
	}
	if err == nil {
		return nil
	}
	if err := a.tolerated(ctx, err); err != nil {
		return err
	}
	if len(missing) == 0 {
		missing = wire.SearchAttributes()
	}
	a.Notes.Sayf("warning: search attributes could not be registered (%v); workflows wait until they are", err)
	for _, name := range missing {
		a.Notes.Sayf("  next: temporal operator search-attribute create --namespace %s --name %s --type Keyword", t.Namespace, name)
	}
	return nil
}

// tolerated returns an error that is none of the server's refusals.
func (a command) tolerated(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var unavailable *serviceerror.Unavailable
	if errors.As(err, &unavailable) {
		return err
	}
	return nil
}

// keepHistories raises the namespace's retention; a longer one stays.
func (a command) keepHistories(ctx context.Context, t *session.Link) error {
	d, err := t.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.Namespace})
	if err != nil {
		return err
	}
	now := d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if now >= retention {
		return nil
	}
	_, err = t.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: t.Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
	})
	if err != nil {
		return err
	}
	a.Notes.Sayf("retention of namespace %s: %s, was %s", t.Namespace, days(retention), days(now))
	return nil
}

func days(d time.Duration) string {
	switch {
	case d == 24*time.Hour:
		return "1 day"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
	return d.String()
}

// missingAttributes are our search attributes that the namespace does not have as Keyword.
func missingAttributes(ctx context.Context, t *session.Link) ([]string, error) {
	have, err := t.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: t.Namespace})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(wire.SearchAttributes(), func(name string) bool {
		return have.CustomAttributes[name] == enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}), nil
}

// settleAttributes is how long a server may take until every part of it knows a new search attribute.
const settleAttributes = 30 * time.Second

// addAttributes registers search attributes and waits until they are listed.
func (a command) addAttributes(ctx context.Context, t *session.Link, names []string) error {
	request := &operatorservice.AddSearchAttributesRequest{Namespace: t.Namespace, SearchAttributes: map[string]enumspb.IndexedValueType{}}
	for _, name := range names {
		request.SearchAttributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	if _, err := t.OperatorService().AddSearchAttributes(ctx, request); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleAttributes)
	defer cancel()
	for {
		missing, err := missingAttributes(ctx, t)
		if err != nil || len(missing) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(session.RetryPause):
		}
	}
}
