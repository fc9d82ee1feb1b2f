package pingonesim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Group is one group, as the API has it, and who is in it, which no answer shows: "members" are the ids of the users who are in it themselves, and
// "groups" those of the groups within it. A "userFilter" is of a dynamic group: whoever matches it is in the group, too.
type Group map[string]any

// Types of memberships.
const (
	Direct   = "DIRECT"
	Indirect = "INDIRECT"
)

// texts reads a list of ids, as Go and a file write it.
func texts(value any) []string {
	switch v := value.(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, one := range v {
			out = append(out, fmt.Sprint(one))
		}
		return out
	}
	return nil
}

func (g Group) id() string { return fmt.Sprint(g["id"]) }

// kinds gives the groups that somebody is in, by their ids, with the type of each membership. Who holds the lock calls it.
func (s *Server) kinds(u User) map[string]string {
	in := map[string]string{}
	var open []string
	for _, g := range s.groups {
		if slices.Contains(texts(g["members"]), fmt.Sprint(u["id"])) || g.dynamic(u) {
			in[g.id()] = Direct
			open = append(open, g.id())
		}
	}
	s.climb(open, in)
	return in
}

// climb adds the groups around others.
func (s *Server) climb(open []string, in map[string]string) {
	for len(open) > 0 {
		inner := open[0]
		open = open[1:]
		for _, g := range s.groups {
			if _, known := in[g.id()]; !known && slices.Contains(texts(g["groups"]), inner) {
				in[g.id()] = Indirect
				open = append(open, g.id())
			}
		}
	}
}

// around gives the groups that a group is in.
func (s *Server) around(id string) map[string]string {
	in := map[string]string{}
	var open []string
	for _, g := range s.groups {
		if slices.Contains(texts(g["groups"]), id) {
			in[g.id()] = Direct
			open = append(open, g.id())
		}
	}
	s.climb(open, in)
	return in
}

func (g Group) dynamic(u User) bool {
	text, _ := g["userFilter"].(string)
	if text == "" {
		return false
	}
	matches, err := parseFilter(text, nil)
	return err == nil && matches(u)
}

// shown is a group as answers have it. Who holds the lock calls it.
func (s *Server) shown(g Group) map[string]any {
	out := map[string]any{"_links": map[string]any{"self": map[string]string{"href": s.address("groups", g.id())}},
		"environment": map[string]string{"id": s.options.EnvironmentID}}
	for name, value := range g {
		if name != "members" && name != "groups" {
			out[name] = value
		}
	}
	users := 0
	for _, u := range s.users {
		if slices.Contains(texts(g["members"]), fmt.Sprint(u["id"])) || g.dynamic(u) {
			users++
		}
	}
	out["directMemberCounts"] = map[string]any{"users": users, "groups": len(texts(g["groups"]))}
	return out
}

// paged answers with a page of a list. The cursor of a next link is the id of the last one before it.
func (s *Server) paged(w http.ResponseWriter, r *http.Request, list string, all []map[string]any) {
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
	from := 0
	if cursor := query.Get("cursor"); cursor != "" {
		from = slices.IndexFunc(all, func(one map[string]any) bool { return one["id"] == cursor }) + 1
	}
	to := min(from+limit, len(all))
	page := append([]map[string]any{}, all[from:to]...)
	body := map[string]any{"_links": map[string]any{"self": map[string]string{"href": s.URL + r.URL.RequestURI()}}, "_embedded": map[string]any{list: page},
		"count": len(all), "size": len(page)}
	if to < len(all) {
		query.Set("cursor", fmt.Sprint(all[to-1]["id"]))
		body["_links"].(map[string]any)["next"] = map[string]string{"href": s.URL + (&url.URL{Path: r.URL.Path}).EscapedPath() + "?" + query.Encode()}
	}
	answer(w, body)
}

// listGroups gives a page of groups. The one filter that groups take here is for those within another: memberOfGroups[id eq "…"].
func (s *Server) listGroups(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	around := map[string]map[string]string{}
	for _, g := range s.groups {
		around[g.id()] = s.around(g.id())
	}
	matches, err := parseFilter(r.URL.Query().Get("filter"), func(one User) map[string]string { return around[fmt.Sprint(one["id"])] })
	if err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_FILTER")
		return
	}
	var all []map[string]any
	for _, g := range s.groups {
		if matches(User(g)) {
			all = append(all, s.shown(g))
		}
	}
	s.paged(w, r, "groups", all)
}

func (s *Server) oneGroup(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.groupIndex(r.PathValue("id")); i >= 0 {
		answer(w, s.shown(s.groups[i]))
		return
	}
	refuse(w, http.StatusNotFound, "NOT_FOUND")
}

// groupsOfUser gives a page of somebody's memberships, with expand=group each with its group.
func (s *Server) groupsOfUser(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(r.PathValue("id"))
	if i < 0 {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	s.memberships(w, r, "users", s.kinds(s.users[i]))
}

func (s *Server) groupsOfGroup(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groupIndex(r.PathValue("id")) < 0 {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	s.memberships(w, r, "groups", s.around(r.PathValue("id")))
}

func (s *Server) memberships(w http.ResponseWriter, r *http.Request, whose string, in map[string]string) {
	var all []map[string]any
	for _, id := range slices.Sorted(maps.Keys(in)) {
		g := s.groups[s.groupIndex(id)]
		one := map[string]any{"id": id, "name": g["name"], "type": in[id], "environment": map[string]string{"id": s.options.EnvironmentID},
			"_links": map[string]any{"self": map[string]string{"href": s.address(whose, r.PathValue("id"), "memberOfGroups", id)}}}
		if r.URL.Query().Get("expand") == "group" {
			one["_embedded"] = map[string]any{"group": s.shown(g)}
		}
		all = append(all, one)
	}
	s.paged(w, r, "groupMemberships", all)
}

func (s *Server) groupIndex(id string) int {
	return slices.IndexFunc(s.groups, func(g Group) bool { return g.id() == id })
}

// SetGroups changes the groups without telling of it: what f returns is what there is from then on.
func (s *Server) SetGroups(f func([]Group) []Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = f(s.groups)
}

// UpdateGroup changes a group, or makes it where there is none of that id, and tells of it; change returns false to delete it.
func (s *Server) UpdateGroup(id string, change func(Group) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, action := Group{"id": id}, "GROUP.CREATED"
	i := s.groupIndex(id)
	if i >= 0 {
		g, action = maps.Clone(s.groups[i]), "GROUP.UPDATED"
	}
	groups := slices.Clone(s.groups)
	switch stays := change(g); {
	case !stays && i < 0:
		return
	case !stays:
		groups, action = slices.Delete(groups, i, i+1), "GROUP.DELETED"
	case i < 0:
		groups = append(groups, g)
	default:
		groups[i] = g
	}
	s.groups = groups
	e := s.event(action)
	e["resources"] = []any{map[string]any{"type": "GROUP", "id": id, "name": g["name"], "environment": map[string]any{"id": s.options.EnvironmentID},
		"href": s.address("groups", id)}}
	s.emit(e)
}

// Join puts somebody into a group and tells of it; Leave takes them out. They report whether there are such a user and such a group, and it was
// not so already.
func (s *Server) Join(userID, groupID string) bool { return s.member(userID, groupID, true) }

// Leave is described with Join.
func (s *Server) Leave(userID, groupID string) bool { return s.member(userID, groupID, false) }

func (s *Server) member(userID, groupID string, in bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.groupIndex(groupID)
	if i < 0 || s.index(userID) < 0 {
		return false
	}
	members := slices.Clone(texts(s.groups[i]["members"]))
	if slices.Contains(members, userID) == in {
		return false
	}
	action := "MEMBER_OF_GROUP.CREATED"
	if in {
		members = append(members, userID)
	} else {
		action = "MEMBER_OF_GROUP.DELETED"
		members = slices.DeleteFunc(members, func(id string) bool { return id == userID })
	}
	g := maps.Clone(s.groups[i])
	g["members"] = members
	s.groups = slices.Clone(s.groups)
	s.groups[i] = g
	s.emit(s.memberEvent(action, userID, groupID))
	return true
}

// join and leave are Join and Leave over HTTP.
func (s *Server) join(w http.ResponseWriter, r *http.Request) {
	given, ok := body(w, r)
	if !ok {
		return
	}
	s.joined(w, s.Join(r.PathValue("id"), fmt.Sprint(given["id"])), http.StatusCreated)
}

func (s *Server) leave(w http.ResponseWriter, r *http.Request) {
	s.joined(w, s.Leave(r.PathValue("id"), r.PathValue("group")), http.StatusNoContent)
}

func (s *Server) joined(w http.ResponseWriter, done bool, status int) {
	if !done {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if status == http.StatusCreated {
		_ = json.NewEncoder(w).Encode(map[string]any{})
	}
}

// ofPopulation: whoever leaves a population leaves its groups. Who holds the lock calls it.
func (s *Server) ofPopulation(userID, population string) {
	s.groups = slices.Clone(s.groups)
	for i, g := range s.groups {
		owner, _ := g["population"].(map[string]any)
		if owner == nil || strings.EqualFold(fmt.Sprint(owner["id"]), population) {
			continue
		}
		g = maps.Clone(g)
		g["members"] = slices.DeleteFunc(slices.Clone(texts(g["members"])), func(id string) bool { return id == userID })
		s.groups[i] = g
	}
}

// kindsNow is kinds of the groups as they are now, to be used without the lock that whoever calls it holds.
func (s *Server) kindsNow() func(User) map[string]string {
	present := &Server{groups: s.groups}
	return present.kinds
}
