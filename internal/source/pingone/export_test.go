package pingone

import "time"

// SetPause sets the shortest wait before a request is repeated.
func (s *Source) SetPause(d time.Duration) { s.pause = d }
