package pingone

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// event is what is read of one of PingOne's events. They have no values of attributes, some have no actors, and more keys come with time.
// https://developer.pingidentity.com/pingone-api/platform/subscriptions-webhooks.html
type event struct {
	ID     string `json:"id"`
	Action struct {
		Type string `json:"type"`
	} `json:"action"`
	Resources []struct {
		Type        string `json:"type"`
		ID          string `json:"id"`
		Href        string `json:"href"`
		Environment struct {
			ID string `json:"id"`
		} `json:"environment"`
	} `json:"resources"`
	Result struct {
		Status string `json:"status"`
	} `json:"result"`
}

// of are the types of events about one person. Enabling and disabling are updates.
var ofPerson = []string{"CREATED", "UPDATED", "DELETED", "MOVED", "LOCKED", "UNLOCKED", "ENABLED", "DISABLED"}

// maxEvents is how many events a body may have: PingOne sends at most 500.
const maxEvents = 10_000

// maxID is how long a person's id may be; PingOne's have 36 characters.
const maxID = 64

// readEvents reads a webhook's body: a JSON array, or one event after the other.
func readEvents(body []byte) (source.Events, error) {
	events, err := decodeEvents(body)
	if err != nil {
		return source.Events{}, fault.Wrap("read webhook", fault.Invalid, fault.SourceMalformed, "PingOne", source.Hint("the body is neither a JSON array of events nor one event a line"))
	}
	var read source.Events
	for _, e := range events {
		told, known := e.told()
		switch {
		case e.Result.Status != "" && !strings.EqualFold(e.Result.Status, "SUCCESS"):
			// What was tried and failed has changed nothing.
		case known:
			read.Told = append(read.Told, told)
		case !slices.Contains(read.Unknown, e.Action.Type):
			read.Unknown = append(read.Unknown, e.Action.Type)
		}
	}
	return read, nil
}

func decodeEvents(body []byte) (events []event, err error) {
	if first := bytes.TrimLeft(body, " \t\r\n\ufeff"); len(first) > 0 && first[0] == '[' {
		err = json.Unmarshal(first, &events)
		if len(events) > maxEvents {
			return nil, io.ErrShortBuffer
		}
		return events, err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		var e event
		switch err := decoder.Decode(&e); {
		case err == io.EOF:
			return events, nil
		case err != nil:
			return nil, err
		case len(events) == maxEvents:
			return nil, io.ErrShortBuffer
		}
		events = append(events, e)
	}
}

var (
	userInHref        = regexp.MustCompile(`/users/([^/?#]+)`)
	groupInGroup      = regexp.MustCompile(`/groups/[^/?#]+/memberOfGroups`)
	environmentInHref = regexp.MustCompile(`/environments/([^/?#]+)`)
)

// told says whom an event concerns. The actor is the administrator, and nobody of whom anything is read.
func (e event) told() (told source.Event, known bool) {
	family, what, _ := strings.Cut(e.Action.Type, ".")
	told.ID = e.ID
	for _, r := range e.Resources {
		if told.Source = r.Environment.ID; told.Source == "" {
			if m := environmentInHref.FindStringSubmatch(r.Href); m != nil {
				told.Source = m[1]
			}
		}
		switch {
		case family == "USER" && slices.Contains(ofPerson, what) && r.Type == "USER":
			told.Person = r.ID
		case family == "MEMBER_OF_GROUP":
			// The resource is the membership: who it is about is in its address alone.
			if m := userInHref.FindStringSubmatch(r.Href); m != nil {
				told.Person = m[1]
			} else if groupInGroup.MatchString(r.Href) {
				// A group has joined or left another one, and with it everybody in it.
				return told, true
			}
		case family == "GROUP", family == "POPULATION":
			return told, true
		}
		if len(told.Person) > maxID {
			return told, false // It would go into histories as it is.
		}
		if told.Person != "" {
			return told, true
		}
	}
	return told, false
}
