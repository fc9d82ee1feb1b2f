// Package grouping carries out what internal/membership decides about one group: it finds, makes, takes over, restores or deletes the group at
// the target, and writes its members.
//
// Whoever takes something away looks again: the group is read by id and must still be the one that was planned for. Everything may be
// repeated after a failure at any place. The package knows no Temporal and no store.
package grouping

import (
	"context"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// Tenant is what is needed of a tenant. *graph.Client is one.
type Tenant interface {
	GroupByID(ctx context.Context, id string, sel directory.Selection, o ...graph.Option) (*directory.Group, error)
	GroupsByLink(ctx context.Context, link string, sel directory.Selection) ([]directory.Group, error)
	DeletedGroups(ctx context.Context, sel directory.Selection, yield func([]directory.Group) error) error
	UpsertGroup(ctx context.Context, uniqueName string, g graph.NewGroup, sel directory.Selection, o ...graph.Option) (group directory.Group, created bool, err error)
	UpdateGroup(ctx context.Context, id string, p graph.GroupPatch, sel directory.Selection, o ...graph.Option) error
	DeleteGroup(ctx context.Context, id string, o ...graph.Option) error
	RestoreGroup(ctx context.Context, id string, o ...graph.Option) error
	GroupMembers(ctx context.Context, id string, yield func(ids []string) error, o ...graph.Option) error
	AddMembers(ctx context.Context, group string, accounts []string, o ...graph.Option) error
	AddMember(ctx context.Context, group, account string, o ...graph.Option) error
	RemoveMember(ctx context.Context, group, account string, o ...graph.Option) error
}

// refuse is the error of something entraflow will not do.
func refuse(op string, reason fault.Reason, subject string) error {
	return fault.New(op, fault.Refused, reason, subject)
}
