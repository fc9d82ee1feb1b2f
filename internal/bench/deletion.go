package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
)

// deletionOptions say what is deleted, and how often the worker dies meanwhile.
type deletionOptions struct {
	People int
	Kills  int
	// Seed decides who is who and at which writes the worker is killed. How requests interleave is not decided by it.
	Seed uint64
	// Action is removeAction.
	Action string
	// OnlyKills leaves out the deletion without kills and the reference: it proves, and measures nothing.
	OnlyKills bool
}

// deletionResult is what `bench deletion` prints.
type deletionResult struct {
	Seed   uint64 `json:"seed"`
	Action string `json:"action"`
	// People were deprovisioned by each deletion, Kept stayed because another rule provisions them, too.
	People int `json:"people"`
	Kept   int `json:"kept"`
	// Reference is what Temporal alone costs: children of two empty activities, per second.
	Reference float64 `json:"referencePerSecond,omitempty"`
	// Clean is the deletion that nothing disturbs, Killed the one with kills.
	Clean  *deletionPhase `json:"clean,omitempty"`
	Killed deletionPhase  `json:"killed"`
	// ToReference and ToCreation are the rate of the clean deletion by that of the reference, and by that of the sync that
	// created its people.
	ToReference float64 `json:"ratioToReference,omitempty"`
	ToCreation  float64 `json:"ratioToCreation,omitempty"`
	Seconds     float64 `json:"seconds"`
	// Violations are promises that were broken; there should be none.
	Violations []string `json:"violations"`
}

// deletionPhase is one rule's life: its people are created, and the rule is deleted.
type deletionPhase struct {
	Kills           int     `json:"kills"`
	CreationSeconds float64 `json:"creationSeconds"`
	Creation        float64 `json:"createdPerSecond"`
	Seconds         float64 `json:"seconds"`
	Rate            float64 `json:"peoplePerSecond"`
	// Removing and Revoking are the writes that were sent, Repeated those of them that were sent once more after a kill,
	// for so many people; Wasted changed nothing or were answered that the account is gone.
	Removing       int `json:"removingWrites"`
	Revoking       int `json:"revokingWrites"`
	Repeated       int `json:"repeatedWrites"`
	RepeatedPeople int `json:"repeatedPeople"`
	Wasted         int `json:"wastedWrites"`
	// Reads and ListPages are what the deletion asked the tenant.
	Reads     int `json:"reads"`
	ListPages int `json:"listPages"`
	// Events and Runs are those of the deletion's own workflow.
	Events int                  `json:"events"`
	Runs   int                  `json:"runs"`
	Result api.DeleteRuleResult `json:"result"`
}

// deletionCommand deletes a rule with its people, once in peace and once with a worker that is killed, and checks both.
func deletionCommand(ctx context.Context, args []string, out io.Writer) error {
	o := deletionOptions{}
	flags := flag.NewFlagSet("deletion", flag.ContinueOnError)
	flags.IntVar(&o.People, "n", 1000, "how many people the rule has")
	flags.IntVar(&o.Kills, "kills", 5, "how often the worker is killed during the second deletion")
	flags.Uint64Var(&o.Seed, "seed", 0, "of everything random; 0 takes one from the clock")
	flags.StringVar(&o.Action, "action", config.RemoveDisable, "what removeAction is: disable or delete")
	flags.BoolVar(&o.OnlyKills, "only-kills", false, "leave out the deletion without kills and the reference")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	if o.People < 20 || o.People > maxSyncPeople || o.Kills < 0 || o.Kills > o.People/10 {
		fmt.Fprintf(os.Stderr, "bench deletion: -n goes from 20 to %d, since more would wait for the tenant's write budget; -kills from 0 to a tenth of it\n", maxSyncPeople)
		return errUsage
	}
	if o.Action != config.RemoveDisable && o.Action != config.RemoveDelete {
		fmt.Fprintln(os.Stderr, "bench deletion: -action is disable or delete")
		return errUsage
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	say := progressTo(out, *asJSON)
	say("seed %d", o.Seed)
	r, err := runDeletion(ctx, o, say)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	if *asJSON {
		err = printJSON(out, r)
	} else {
		r.print(say)
	}
	if err == nil && len(r.Violations) > 0 {
		err = fmt.Errorf("seed %d: %d violations", o.Seed, len(r.Violations))
	}
	return err
}

func (r deletionResult) print(say func(string, ...any)) {
	say("")
	say("a rule with %d people is deleted, removeAction %s; %d more are kept by another rule", r.People, r.Action, r.Kept)
	if c := r.Clean; c != nil {
		say("  reference          %6.1f people/s   (parent with %d children of two empty activities)", r.Reference, r.People)
		say("  created            %6.1f people/s   (by a sync, with a license)", c.Creation)
		say("  deletion           %6.1f people/s   (%.1f s)", c.Rate, c.Seconds)
		say("  ratio              %6.2f to the reference, %.2f to the creation", r.ToReference, r.ToCreation)
		c.print(say)
	}
	k := r.Killed
	say("  with %d kills       %6.1f people/s   (%.1f s)", k.Kills, k.Rate, k.Seconds)
	k.print(say)
	for _, v := range r.Violations {
		say("VIOLATION: %s", v)
	}
	verdict := "everybody of the rule was settled once, and nobody else was touched"
	if len(r.Violations) > 0 {
		verdict = fmt.Sprintf("%d violations", len(r.Violations))
	}
	say("seed %d: %s", r.Seed, verdict)
}

func (p deletionPhase) print(say func(string, ...any)) {
	say("    writes           %d that remove, %d that revoke; of these %d repeated after a kill, for %d people; %d changed nothing",
		p.Removing, p.Revoking, p.Repeated, p.RepeatedPeople, p.Wasted)
	say("    reads            %d of single accounts, %d list pages", p.Reads, p.ListPages)
	say("    history events   %d in %d runs", p.Events, p.Runs)
	say("    result           %s", p.Result.Message)
}
