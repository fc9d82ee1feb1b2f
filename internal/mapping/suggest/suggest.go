// Package suggest finds the word somebody probably meant.
package suggest

import "strings"

// Nearest gives the candidate closest to word when it is close enough to be a slip of the pen (a third of the word's
// letters at most, upper and lower case being equal), else "". Among equals the first candidate wins.
func Nearest(word string, candidates []string) string {
	limit := max(1, len([]rune(word))/3)
	best, nearest := limit+1, ""
	for _, c := range candidates {
		if d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(c))); d < best {
			best, nearest = d, c
		}
	}
	return nearest
}

// DidYouMean is Nearest as the end of a sentence: `; did you mean "x"?`, or "" when nothing is near.
func DidYouMean(word string, candidates []string) string {
	if n := Nearest(word, candidates); n != "" {
		return `; did you mean "` + n + `"?`
	}
	return ""
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
