package activities

import (
	"sync"

	"github.com/entraflow/entraflow/internal/cache"
	"github.com/entraflow/entraflow/internal/membership"
)

// keptGroupPlan is a plan of groups.
type keptGroupPlan struct {
	*membership.Plan
	// deletion: it is for a rule that is being deleted, and does not run.
	deletion bool
}

// keptGroups are the plans of groups that this worker keeps, by the plan's id. Of a rule's syncs it keeps the latest only; a plan for one
// group lives beside it.
type keptGroups struct {
	plans *cache.Cache[string, keptGroupPlan]

	mu     sync.Mutex
	latest map[string]string // :: connection and rule -> id of the plan of its sync
}

func newKeptGroups(o cache.Options) *keptGroups {
	return &keptGroups{plans: cache.New[string, keptGroupPlan](o), latest: map[string]string{}}
}

// put keeps a plan. group is the one that it is for; "" for all of the rule.
func (k *keptGroups) put(rule, group, id string, p keptGroupPlan) {
	if group == "" {
		k.mu.Lock()
		if before := k.latest[rule]; before != "" {
			k.plans.Drop(before)
		}
		k.latest[rule] = id
		k.mu.Unlock()
	}
	k.plans.Put(id, p)
}

func (k *keptGroups) get(id string) (keptGroupPlan, bool) { return k.plans.Get(id) }
