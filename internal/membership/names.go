package membership

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
)

// Graph's limits. https://learn.microsoft.com/graph/api/resources/group
const (
	maxNameLength        = 256
	maxDescriptionLength = 1024
	maxNicknameLength    = 64
)

// UniqueName is the unique name of a group at the target: the same for each attempt at creating it, so that none makes a second one, and
// for each rule of the connection.
func UniqueName(connection, group string) string {
	sum := sha256.Sum256([]byte(directory.PersonKey(connection, group)))
	return "entraflow-" + hex.EncodeToString(sum[:16])
}

// Link is what the link property of a group holds.
func Link(connection, rule, group string) string {
	return directory.NewLink(connection, rule, group).String()
}

// nickname makes a mail nickname from a group's name: letters, digits and hyphens. Where too little is left, the group's id tells it apart.
func nickname(name, id string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	made := strings.Trim(b.String(), "-")
	if len(made) < 3 || len(made) > maxNicknameLength {
		sum := sha256.Sum256([]byte(id))
		if len(made) > maxNicknameLength-9 {
			made = made[:maxNicknameLength-9]
		}
		if made == "" {
			made = "group"
		}
		made += "-" + hex.EncodeToString(sum[:4])
	}
	return made
}

// unfit says which text of a group Graph would refuse, and why; "" where it takes them all.
func unfit(w *Wanted) (key, wrong string) {
	switch {
	case w.Name == "":
		return "name", "the name is empty"
	case utf8.RuneCountInString(w.Name) > maxNameLength:
		return "name", fmt.Sprintf("the name is longer than %d characters", maxNameLength)
	case utf8.RuneCountInString(w.Description) > maxDescriptionLength:
		return "description", fmt.Sprintf("the description is longer than %d characters", maxDescriptionLength)
	case len(w.MailNickname) > maxNicknameLength:
		return "mailNickname", fmt.Sprintf("the mailNickname is longer than %d characters", maxNicknameLength)
	case strings.ContainsFunc(w.MailNickname, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`@()\[]";:<>,`, r) }):
		return "mailNickname", `the mailNickname has signs other than plain letters, digits and ! # $ % & ' * + - . / = ? ^ _ { | } ~`
	}
	return "", ""
}

// whenRemoved is what a mark remembers of the setting.
func whenRemoved(setting string) string {
	if setting == config.RemovedLeave {
		return ""
	}
	return setting
}
