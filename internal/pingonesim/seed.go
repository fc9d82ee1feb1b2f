package pingonesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// Propagation is the provisioning that an environment has configured, with the field names of the platform's API.
type Propagation struct {
	Plans  []Object `json:"plans"`
	Stores []Object `json:"stores"`
	Rules  []Object `json:"rules"`
	// Mappings each name their rule: rule.id.
	Mappings []Object `json:"mappings"`
}

// Object is one object of the propagation API.
type Object map[string]any

// seed is a file of an environment.
type seed struct {
	EnvironmentID string           `json:"environmentId"`
	Application   applicationSeed  `json:"application"`
	Custom        []string         `json:"customAttributes"`
	Users         []User           `json:"users"`
	Groups        []Group          `json:"groups"`
	Subscriptions []subscribedSeed `json:"subscriptions"`
	Propagation   Propagation      `json:"propagation"`
}

type applicationSeed struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

type subscribedSeed struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Format  string            `json:"payloadFormat"`
}

// LoadOptions reads an environment from a YAML or JSON file.
func LoadOptions(path string) (Options, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Options{}, err
	}
	// By way of JSON, so that values have the types that they have in answers.
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return Options{}, fmt.Errorf("%s is no YAML: %w", path, err)
	}
	if text, err = json.Marshal(value); err != nil {
		return Options{}, fmt.Errorf("%s: %w", path, err)
	}
	var s seed
	if err := json.Unmarshal(text, &s); err != nil {
		return Options{}, fmt.Errorf("%s: %w", path, err)
	}
	if s.EnvironmentID == "" || s.Application.ClientID == "" || s.Application.ClientSecret == "" {
		return Options{}, errors.New(path + " needs environmentId, application.clientId and application.clientSecret")
	}
	o := Options{EnvironmentID: s.EnvironmentID, ClientID: s.Application.ClientID, ClientSecret: s.Application.ClientSecret, Custom: s.Custom,
		Users: s.Users, Groups: s.Groups, Propagation: s.Propagation}
	ids := map[any]bool{}
	for i, u := range o.Users {
		if id, _ := u["id"].(string); id == "" || ids[id] {
			return Options{}, fmt.Errorf("%s: user %d has no id, or one that another has", path, i+1)
		}
		ids[u["id"]] = true
		complete(u)
	}
	for i, g := range o.Groups {
		if id, _ := g["id"].(string); id == "" || ids[id] {
			return Options{}, fmt.Errorf("%s: group %d has no id, or one that something else has", path, i+1)
		}
		ids[g["id"]] = true
	}
	for _, g := range o.Groups {
		for _, id := range append(texts(g["members"]), texts(g["groups"])...) {
			if !ids[id] {
				return Options{}, fmt.Errorf("%s: group %s has a member %s, who is nobody of the file", path, g.id(), id)
			}
		}
	}
	for _, w := range s.Subscriptions {
		o.Subscriptions = append(o.Subscriptions, Subscription{URL: w.URL, Headers: w.Headers, NDJSON: w.Format == "ND_JSON"})
	}
	return o, nil
}

// complete fills in what the service sets by itself.
func complete(u User) {
	for name, value := range map[string]any{
		"enabled": true, "account": map[string]any{"canAuthenticate": true, "status": "OK"}, "identityProvider": map[string]any{"type": "PING_ONE"},
		"lifecycle": map[string]any{"status": "ACCOUNT_OK"}, "mfaEnabled": false, "verifyStatus": "NOT_INITIATED",
	} {
		if _, has := u[name]; !has {
			u[name] = value
		}
	}
}
