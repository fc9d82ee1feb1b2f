package pingonesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{env}/as/token", s.token)
	mux.HandleFunc("GET /v1/environments/{env}/users", s.signedIn(s.list))
	mux.HandleFunc("GET /v1/environments/{env}/users/{id}", s.signedIn(s.one))
	mux.HandleFunc("PATCH /v1/environments/{env}/users/{id}", s.signedIn(s.patch))
	mux.HandleFunc("DELETE /v1/environments/{env}/users/{id}", s.signedIn(s.remove))
	mux.HandleFunc("PUT /v1/environments/{env}/users/{id}/{what}", s.signedIn(s.put))
	mux.HandleFunc("GET /v1/environments/{env}/users/{id}/memberOfGroups", s.signedIn(s.groupsOfUser))
	mux.HandleFunc("POST /v1/environments/{env}/users/{id}/memberOfGroups", s.signedIn(s.join))
	mux.HandleFunc("DELETE /v1/environments/{env}/users/{id}/memberOfGroups/{group}", s.signedIn(s.leave))
	mux.HandleFunc("GET /v1/environments/{env}/groups", s.signedIn(s.listGroups))
	mux.HandleFunc("GET /v1/environments/{env}/groups/{id}", s.signedIn(s.oneGroup))
	mux.HandleFunc("GET /v1/environments/{env}/groups/{id}/memberOfGroups", s.signedIn(s.groupsOfGroup))
	mux.HandleFunc("GET /v1/environments/{env}/propagation/{what}", s.signedIn(s.propagation))
	mux.HandleFunc("GET /v1/environments/{env}/propagation/rules/{id}/mappings", s.signedIn(s.mappings))
	mux.HandleFunc("GET /v1/environments/{env}/populations", s.signedIn(s.populations))
	mux.HandleFunc("GET /v1/environments/{env}/populations/{id}", s.signedIn(s.population))
	mux.HandleFunc("GET /v1/environments/{env}/schemas", s.signedIn(s.schemas))
	mux.HandleFunc("GET /v1/environments/{env}/schemas/{id}/attributes", s.signedIn(s.attributes))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "NOT_FOUND") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page of somebody's browser must not reach it under another name.
		if r.Host != s.host {
			refuse(w, http.StatusForbidden, "ACCESS_FAILED")
			return
		}
		s.mu.Lock()
		s.requests++
		faults := s.faults
		s.mu.Unlock()
		if faults != nil {
			if f := faults(r); f != nil {
				s.answerWrongly(w, r, f, mux)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// refuse answers as PingOne refuses.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": "0c5d4e6f-0000-4000-8000-000000000000", "code": code, "message": "The request could not be completed."})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/hal+json;charset=UTF-8")
	w.Header().Set("Correlation-Id", "5f1e0000-0000-4000-8000-000000000001")
	_ = json.NewEncoder(w).Encode(body)
}

// token is the sign-in of a worker application.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("env") != s.options.EnvironmentID {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	id, secret, ok := r.BasicAuth()
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	switch {
	case r.FormValue("grant_type") != "client_credentials":
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	case !ok || errID != nil || errSecret != nil || id != s.options.ClientID || secret != s.options.ClientSecret:
		oauthError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	token := fmt.Sprintf("token-%d", s.next)
	s.tokens[token] = s.options.Now().Add(s.options.TokenLife)
	answer(w, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(s.options.TokenLife.Seconds())})
}

func oauthError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}

// signedIn lets only good tokens of this environment through.
func (s *Server) signedIn(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		until, ok := s.tokens[token]
		s.mu.Unlock()
		switch {
		case !ok || s.options.Now().After(until):
			refuse(w, http.StatusUnauthorized, "INVALID_TOKEN")
		case r.PathValue("env") != s.options.EnvironmentID:
			refuse(w, http.StatusForbidden, "ACCESS_FAILED")
		default:
			then(w, r)
		}
	}
}

// list gives a page of users. The cursor of a next link is the id of the last user before it.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit := s.options.PageSize
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			refuse(w, http.StatusBadRequest, "INVALID_REQUEST")
			return
		}
		limit = min(n, limit)
	}
	s.mu.Lock()
	matches, err := parseFilter(query.Get("filter"), s.kindsNow())
	s.mu.Unlock()
	if err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_FILTER")
		return
	}
	s.mu.Lock()
	var all []User
	for _, u := range s.users {
		if matches(u) && !s.withdrawn[populationOf(u)] {
			all = append(all, u)
		}
	}
	s.mu.Unlock()
	from := 0
	if cursor := query.Get("cursor"); cursor != "" {
		for i, u := range all {
			if u["id"] == cursor {
				from = i + 1
			}
		}
	}
	to := min(from+limit, len(all))
	users := []User{}
	for _, u := range all[from:to] {
		users = append(users, s.linked(u))
	}
	body := map[string]any{"_links": map[string]any{"self": map[string]string{"href": s.URL + r.URL.RequestURI()}}, "_embedded": map[string]any{"users": users},
		"size": len(users)}
	if !s.options.NoCount {
		body["count"] = len(all)
	}
	if to < len(all) {
		query.Set("cursor", fmt.Sprint(all[to-1]["id"]))
		body["_links"].(map[string]any)["next"] = map[string]string{"href": s.URL + r.URL.Path + "?" + query.Encode()}
	}
	answer(w, body)
}

// linked adds what every answer has beside the attributes.
func (s *Server) linked(u User) User {
	out := User{"_links": map[string]any{"self": map[string]string{"href": fmt.Sprintf("%s/v1/environments/%s/users/%v", s.URL, s.options.EnvironmentID, u["id"])}},
		"environment": map[string]string{"id": s.options.EnvironmentID}}
	for name, value := range u {
		out[name] = value
	}
	return out
}

func (s *Server) one(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		if u["id"] == r.PathValue("id") && !s.withdrawn[populationOf(u)] {
			answer(w, s.linked(u))
			return
		}
	}
	refuse(w, http.StatusNotFound, "NOT_FOUND")
}

func (s *Server) populations(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, u := range s.users {
		if p, ok := u["population"].(map[string]any); ok {
			count[fmt.Sprint(p["id"])]++
		}
	}
	list := []map[string]any{}
	for id := range s.known {
		if !s.withdrawn[id] {
			list = append(list, map[string]any{"id": id, "name": id, "userCount": count[id]})
		}
	}
	answer(w, map[string]any{"_embedded": map[string]any{"populations": list}, "size": len(list)})
}

// populationOf is the id of a user's population; "" without one.
func populationOf(u User) string {
	p, _ := u["population"].(map[string]any)
	id, _ := p["id"].(string)
	return id
}

func (s *Server) population(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	switch {
	case s.withdrawn[id]:
		refuse(w, http.StatusForbidden, "ACCESS_FAILED")
	case !s.known[id]:
		refuse(w, http.StatusNotFound, "NOT_FOUND")
	default:
		answer(w, map[string]any{"id": id, "name": id})
	}
}

const schemaID = "5c4e0000-0000-4000-8000-0000000000aa"

func (s *Server) schemas(w http.ResponseWriter, _ *http.Request) {
	if s.options.NoSchema {
		refuse(w, http.StatusForbidden, "ACCESS_FAILED")
		return
	}
	answer(w, map[string]any{"_embedded": map[string]any{"schemas": []any{map[string]string{"id": schemaID, "name": "User"}}}, "size": 1})
}

func (s *Server) attributes(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != schemaID {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	list := []any{}
	for _, name := range append([]string{"username", "email", "name", "title"}, s.options.Custom...) {
		list = append(list, map[string]any{"name": name, "enabled": true})
	}
	answer(w, map[string]any{"_embedded": map[string]any{"attributes": list}, "size": len(list)})
}
