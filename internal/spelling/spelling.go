// Package spelling finds the name that was probably meant by a misspelt one.
package spelling

import (
	"slices"
	"strings"
)

// maxLength bounds what is compared, in characters: no name is that long.
const maxLength = 64

// Nearest returns the name that the text was probably meant to be, or "" if
// none is close. Case is ignored, and up to a third of the text may be wrong.
func Nearest(text string, names []string) string {
	nearest, least := "", limit(text)+1
	for _, name := range names {
		if d := distance(fold(text), fold(name), least); d < least {
			nearest, least = name, d
		}
	}
	return nearest
}

// fold removes differences that people do not notice.
func fold(text string) []rune { return []rune(strings.ToLower(text)) }

// limit returns how many mistakes a text of its length may have.
func limit(text string) int {
	if len(text) > maxLength {
		return -1
	}
	return max(len(text)/3, min(len(text)-1, 1))
}

// distance returns how many characters have to be inserted, deleted, replaced
// or swapped with their neighbour to turn one text into the other (optimal
// string alignment), or most if that is less.
func distance(a, b []rune, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			wrong := 1
			if a[i] == b[j] {
				wrong = 0
			}
			row[j+1] = min(last[j]+wrong, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		if slices.Min(row) >= most {
			return most
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most)
}
