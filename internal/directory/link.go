package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// maxKeyLength is how long an escaped source id may be to stand in a link as it is. The property holds 256 characters
// (https://learn.microsoft.com/graph/api/application-post-extensionproperty) and the names of connection and rule have at
// most 40 each, so that what is stored for an id does not depend on the names.
const maxKeyLength = 256 - 2*40 - 2

// hashPrefix marks a source id that was too long and is represented by its hash. A source id cannot start with it
// unhashed, since path escaping turns ":" into "%3A".
const hashPrefix = "sha256:"

// Link says for which connection, rule and source user an account was provisioned. It lives in the tenant, in a
// directory extension property, as connection/rule/sourceId.
type Link struct {
	Connection, Rule, SourceID string
	// Hashed: SourceID is the hash of the id and not the id itself.
	Hashed bool
}

// NewLink makes the link of a person.
func NewLink(connection, rule, sourceID string) Link {
	return Link{Connection: connection, Rule: rule, SourceID: sourceID}
}

// String gives the value that is stored: ASCII, at most 256 characters, the id path-escaped or, where that is too long,
// hashed.
func (l Link) String() string {
	return l.Connection + "/" + l.Rule + "/" + l.key()
}

// key is the third part of the link.
func (l Link) key() string {
	if l.Hashed {
		return hashPrefix + l.SourceID
	}
	escaped := escapeID(l.SourceID)
	if len(escaped) <= maxKeyLength {
		return escaped
	}
	sum := sha256.Sum256([]byte(l.SourceID))
	return hashPrefix + hex.EncodeToString(sum[:])
}

// escapeID path-escapes an id; ":" too, so that no id looks like a hash.
func escapeID(id string) string {
	return strings.ReplaceAll(url.PathEscape(id), ":", "%3A")
}

// ParseLink reads a stored link. ok is false when the value is not one of ours.
func ParseLink(s string) (l Link, ok bool) {
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Link{}, false
	}
	if hash, hashed := strings.CutPrefix(parts[2], hashPrefix); hashed {
		return Link{Connection: parts[0], Rule: parts[1], SourceID: hash, Hashed: true}, true
	}
	id, err := url.PathUnescape(parts[2])
	if err != nil {
		return Link{}, false
	}
	return Link{Connection: parts[0], Rule: parts[1], SourceID: id}, true
}

// PersonKey is the part of a link that says which person of a connection it is, whatever the rule: two links with one
// key belong to the same source user.
func (l Link) PersonKey() string { return l.Connection + "/" + l.key() }

// PersonID is the source id of a link; where the link holds only its hash, that, in the form of HashedID.
func (l Link) PersonID() string {
	if l.Hashed {
		return HashedID(l.SourceID)
	}
	return l.SourceID
}

// IsOf reports whether the link is that of a person of a connection, under whichever rule. The id may be a HashedID.
func (l Link) IsOf(connection, id string) bool { return l.PersonKey() == PersonKey(connection, id) }

// PersonKey is the key that links of a person have; the id may be a HashedID.
func PersonKey(connection, id string) string {
	if hash, hashed := strings.CutPrefix(id, hashPrefix); hashed {
		return Link{Connection: connection, SourceID: hash, Hashed: true}.PersonKey()
	}
	return NewLink(connection, "", id).PersonKey()
}

// HashedID is how a source id is written where only its hash is known.
func HashedID(hash string) string { return hashPrefix + hash }

// SameID reports whether an id, or a HashedID, means the person with this source id.
func SameID(idOrHash, sourceID string) bool {
	if idOrHash == sourceID {
		return true
	}
	hash, hashed := strings.CutPrefix(idOrHash, hashPrefix)
	sum := sha256.Sum256([]byte(sourceID))
	return hashed && hash == hex.EncodeToString(sum[:])
}

// IsHashedID reports whether an id is a HashedID.
func IsHashedID(id string) bool { return strings.HasPrefix(id, hashPrefix) }
