package session

import "strings"

// Confirmed demands that a name was given twice.
func Confirmed(name, confirm string) error {
	switch confirm {
	case name:
		return nil
	case "":
		return WrongUse("add --confirm "+name, "deleting %s needs a confirmation", name)
	}
	return WrongUse("add --confirm "+name, "the confirmation %q is not the name %q", confirm, name)
}

// ConnectionAndName reads the arguments [CONNECTION] NAME; the connection may stand in a flag instead.
func ConnectionAndName(flag string, args []string) (connection, name string, err error) {
	if len(args) == 1 {
		return flag, args[0], nil
	}
	if flag != "" {
		return "", "", WrongUse("give each name once", "%s and %s are two names for one thing", args[0], flag)
	}
	return args[0], args[1], nil
}

// First is the first argument; "" where there is none.
func First(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// Listed joins names for a sentence.
func Listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
