package pingonesim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The part of SCIM's filters that PingOne takes for users: eq and sw on most attributes, co and ew on some, and, or, parentheses.
// https://docs.pingidentity.com/pingone/directory/p1_scim_filter_language.html

var errFilter = errors.New("the filter is not supported")

// contained are the attributes that co and ew work on.
var contained = map[string]bool{"email": true, "name.family": true, "name.given": true}

type filterParser struct {
	words []string
	at    int
	// groups gives the groups that somebody is in, with the type of each membership; nil where the filter may not ask for groups.
	groups func(User) map[string]string
}

// parseFilter gives a function that says whether a user matches; the empty filter matches everybody.
func parseFilter(text string, groups func(User) map[string]string) (func(User) bool, error) {
	if strings.TrimSpace(text) == "" {
		return func(User) bool { return true }, nil
	}
	words, err := tokens(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{words: words, groups: groups}
	matches, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.at != len(p.words) {
		return nil, errFilter
	}
	return matches, nil
}

// tokens cuts a filter into words, quoted texts and parentheses.
func tokens(text string) ([]string, error) {
	var out []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '(' || c == ')' || c == '[' || c == ']':
			out = append(out, string(c))
			i++
		case c == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return nil, errFilter
			}
			out = append(out, text[i:i+end+2])
			i += end + 2
		default:
			end := strings.IndexAny(text[i:], " \t()[]")
			if end < 0 {
				end = len(text) - i
			}
			out = append(out, text[i:i+end])
			i += end
		}
	}
	return out, nil
}

func (p *filterParser) peek() string {
	if p.at < len(p.words) {
		return p.words[p.at]
	}
	return ""
}

func (p *filterParser) take() string {
	w := p.peek()
	p.at++
	return w
}

func (p *filterParser) or() (func(User) bool, error) {
	return p.joined("or", p.and, func(a, b bool) bool { return a || b })
}

func (p *filterParser) and() (func(User) bool, error) {
	return p.joined("and", p.term, func(a, b bool) bool { return a && b })
}

func (p *filterParser) joined(word string, part func() (func(User) bool, error), join func(a, b bool) bool) (func(User) bool, error) {
	left, err := part()
	if err != nil {
		return nil, err
	}
	for strings.EqualFold(p.peek(), word) {
		p.take()
		right, err := part()
		if err != nil {
			return nil, err
		}
		before := left
		left = func(u User) bool { return join(before(u), right(u)) }
	}
	return left, nil
}

func (p *filterParser) term() (func(User) bool, error) {
	if p.peek() == "(" {
		p.take()
		inner, err := p.or()
		if err != nil || p.take() != ")" {
			return nil, errFilter
		}
		return inner, nil
	}
	if p.groups != nil && p.peek() == "memberOfGroups" {
		return p.memberOfGroups()
	}
	path, operator, value := p.take(), strings.ToLower(p.take()), p.take()
	quoted := len(value) >= 2 && value[0] == '"'
	if path == "" || value == "" || !quoted && value != "true" && value != "false" {
		return nil, errFilter
	}
	want := strings.ToLower(strings.Trim(value, `"`))
	compare, ok := map[string]func(have string) bool{
		"eq": func(have string) bool { return have == want },
		"sw": func(have string) bool { return strings.HasPrefix(have, want) },
		"co": func(have string) bool { return strings.Contains(have, want) },
		"ew": func(have string) bool { return strings.HasSuffix(have, want) },
	}[operator]
	if !ok || (operator == "co" || operator == "ew") && !contained[path] || path == "population.id" && operator != "eq" {
		return nil, errFilter
	}
	return func(u User) bool {
		v, has := valueAt(u, path)
		return has && compare(strings.ToLower(fmt.Sprint(v)))
	}, nil
}

// memberOfGroups reads memberOfGroups[id eq "…"], which counts whoever is in the group through another one, or
// memberOfGroups[id eq "…" and type eq "DIRECT"].
func (p *filterParser) memberOfGroups() (func(User) bool, error) {
	words := p.words[p.at:]
	for i, want := range []string{"memberOfGroups", "[", "id", "eq"} {
		if i >= len(words) || words[i] != want {
			return nil, errFilter
		}
	}
	end := slices.Index(words, "]")
	if end != 5 && end != 9 {
		return nil, errFilter
	}
	kind := ""
	if end == 9 {
		if !strings.EqualFold(words[5], "and") || words[6] != "type" || words[7] != "eq" {
			return nil, errFilter
		}
		kind = strings.Trim(words[8], `"`)
	}
	id := strings.Trim(words[4], `"`)
	p.at += end + 1
	return func(u User) bool {
		have, in := p.groups(u)[id]
		return in && (kind == "" || have == kind)
	}, nil
}

func valueAt(u User, path string) (any, bool) {
	var at any = map[string]any(u)
	for name := range strings.SplitSeq(path, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = object[name]; !ok {
			return nil, false
		}
	}
	return at, true
}
