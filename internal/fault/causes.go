package fault

import (
	"fmt"
	"syscall"
)

// Describer is a cause that can say something of itself which names nobody.
type Describer interface{ Describe() string }

// maxCauses bounds a list of causes.
const maxCauses = 16

// Causes lists what led to an error, from the outside in, for the log: of each error in the chain its type, or what it says
// of itself as a Describer. The texts of foreign errors name people, hosts and paths, so none is in it. The faults
// themselves are left out, except for those below the first: they tell operation and reason.
func Causes(err error) []string {
	var out []string
	first := true
	var walk func(error)
	walk = func(err error) {
		if err == nil || len(out) == maxCauses {
			return
		}
		switch e := err.(type) {
		case *Error:
			if !first {
				out = append(out, e.Op+": "+string(e.Reason))
			}
			first = false
		case Describer:
			out = append(out, e.Describe())
		case syscall.Errno:
			// Its text is one of the operating system's own, and tells a refused connection from a broken one.
			out = append(out, fmt.Sprintf("%T: %s", e, e.Error()))
		default:
			out = append(out, fmt.Sprintf("%T", e))
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, each := range e.Unwrap() {
				walk(each)
			}
		}
	}
	walk(err)
	return out
}
