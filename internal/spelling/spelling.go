// Package spelling finds the name that somebody has misspelt.
package spelling

import (
	"slices"
	"strings"
)

// maxLength bounds what is compared, in characters: no name is as long.
const maxLength = 64

// Nearest returns the name that the text was probably meant to be, "" if none is
// near. Case does not count, and a third of the text may be wrong.
func Nearest(text string, names []string) string {
	nearest, least := "", limit(text)+1
	for _, name := range names {
		if d := distance(fold(text), fold(name), least); d < least {
			nearest, least = name, d
		}
	}
	return nearest
}

// fold takes what people vary without noticing.
func fold(text string) []rune { return []rune(strings.ToLower(text)) }

// limit is how many mistakes a text of its length may have.
func limit(text string) int {
	if len(text) > maxLength {
		return -1
	}
	return max(len(text)/3, min(len(text)-1, 1))
}

// distance is how many characters have to be put in, taken out, replaced or
// swapped with their neighbour to make one text of the other (optimal string
// alignment). It is most where it is not less.
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
