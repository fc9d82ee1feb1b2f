package pingonesim

import (
	"net/http"
	"slices"
)

// The objects of provisioning, to read. Secrets among a store's settings are masked, as everywhere in the platform's answers.
// https://developer.pingidentity.com/pingone-api/platform/identity-propagation-provisioning.html

func (s *Server) propagation(w http.ResponseWriter, r *http.Request) {
	p := s.options.Propagation
	switch what := r.PathValue("what"); {
	case s.options.NoPropagation:
		refuse(w, http.StatusForbidden, "ACCESS_FAILED")
	case what == "plans":
		answerObjects(w, what, p.Plans)
	case what == "stores":
		answerObjects(w, what, p.Stores)
	case what == "rules":
		answerObjects(w, what, p.Rules)
	default:
		refuse(w, http.StatusNotFound, "NOT_FOUND")
	}
}

func (s *Server) mappings(w http.ResponseWriter, r *http.Request) {
	p := s.options.Propagation
	if s.options.NoPropagation {
		refuse(w, http.StatusForbidden, "ACCESS_FAILED")
		return
	}
	if !slices.ContainsFunc(p.Rules, func(o Object) bool { return o["id"] == r.PathValue("id") }) {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	var own []Object
	for _, m := range p.Mappings {
		if rule, ok := m["rule"].(map[string]any); ok && rule["id"] == r.PathValue("id") {
			own = append(own, m)
		}
	}
	answerObjects(w, "mappings", own)
}

func answerObjects(w http.ResponseWriter, name string, objects []Object) {
	if objects == nil {
		objects = []Object{}
	}
	answer(w, map[string]any{"_embedded": map[string]any{name: objects}, "count": len(objects), "size": len(objects)})
}
