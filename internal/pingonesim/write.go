package pingonesim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// What administrators do to people, by Go and over HTTP, with the events that follow.

// Create adds a user, who has an id, and tells of it.
func (s *Server) Create(u User) {
	complete(u)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, u)
	s.emit(s.userEvent("USER.CREATED", u))
}

// Update changes a user and tells of it, as USER.MOVED where the population is another; false where there is no such user.
// Enabling and disabling are updates, too.
func (s *Server) Update(id string, change func(User)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(id)
	if i < 0 {
		return false
	}
	// Answers under way may read the old one.
	u := maps.Clone(s.users[i])
	before := fmt.Sprint(u["population"])
	change(u)
	u["updatedAt"] = s.options.Now().UTC().Format(time.RFC3339)
	s.users = slices.Clone(s.users)
	s.users[i] = u
	action := "USER.UPDATED"
	if fmt.Sprint(u["population"]) != before {
		action = "USER.MOVED"
		to, _ := u["population"].(map[string]any)
		s.ofPopulation(id, fmt.Sprint(to["id"]))
	}
	s.emit(s.userEvent(action, u))
	return true
}

// Delete removes a user and tells of it; false where there is no such user.
func (s *Server) Delete(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(id)
	if i < 0 {
		return false
	}
	u := s.users[i]
	s.users = slices.Delete(slices.Clone(s.users), i, i+1)
	s.emit(s.userEvent("USER.DELETED", u))
	return true
}

func (s *Server) index(id string) int {
	return slices.IndexFunc(s.users, func(u User) bool { return u["id"] == id })
}

// body reads a small JSON object; false after a refusal.
func body(w http.ResponseWriter, r *http.Request) (map[string]any, bool) {
	var given map[string]any
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&given); err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_DATA")
		return nil, false
	}
	return given, true
}

// patch changes attributes; null unsets one. The id, enabled and the population have other ways.
func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	given, ok := body(w, r)
	if !ok {
		return
	}
	s.changed(w, r, func(u User) {
		for name, value := range given {
			switch {
			case name == "id" || name == "enabled" || name == "population":
			case value == nil:
				delete(u, name)
			default:
				u[name] = value
			}
		}
	})
}

// put changes enabled or the population, whichever the address names.
func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	given, ok := body(w, r)
	if !ok {
		return
	}
	enabled, isEnabled := given["enabled"].(bool)
	switch what := r.PathValue("what"); {
	case what == "enabled" && isEnabled:
		s.changed(w, r, func(u User) { u["enabled"] = enabled })
	case what == "population" && given["id"] != nil:
		s.changed(w, r, func(u User) { u["population"] = map[string]any{"id": given["id"]} })
	default:
		refuse(w, http.StatusBadRequest, "INVALID_DATA")
	}
}

func (s *Server) changed(w http.ResponseWriter, r *http.Request, change func(User)) {
	if !s.Update(r.PathValue("id"), change) {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	s.one(w, r)
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	if !s.Delete(r.PathValue("id")) {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
