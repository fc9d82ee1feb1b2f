package source

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
)

// Digest identifies what a listing of a live store saw: equal records in any order give equal sums. The zero Digest has seen nobody.
type Digest struct {
	count int
	sum   big.Int
}

// Add takes a record into account.
func (d *Digest) Add(r Record) {
	d.count++
	text, err := json.Marshal([]any{r.ID, r.Enabled, r.EnabledErr != nil, r.Fields})
	if err != nil {
		// What a store reads has come as text or JSON and can be written as JSON.
		panic(err)
	}
	sum := sha256.Sum256(text)
	var n big.Int
	d.sum.Add(&d.sum, n.SetBytes(sum[:16]))
}

// Count is how many records were added.
func (d *Digest) Count() int { return d.count }

// Snapshot is that of a complete listing of what was added.
func (d *Digest) Snapshot() Snapshot {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s", d.count, d.sum.Text(16)))
	return Snapshot{ID: hex.EncodeToString(sum[:16]), Count: d.count}
}
