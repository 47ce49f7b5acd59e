package main

import (
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/internal/sender"
)

// delivers says how the sender delivers, and where that is written.
func delivers(f *sender.Facts) string {
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, row := range []struct{ what, fact string }{
		{"Several events in a request", f.Batch},
		{"Wants an answer within", f.Deadline},
		{"Takes for success", f.Success},
		{"Sends again", f.Retries},
		{"Signs a retry anew", f.Signs},
		{"Gives up on the address", f.GivesUp},
		{"Its test", f.Test},
		{"What the test then shows", f.Seen},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", row.what, row.fact)
	}
	links := make([]string, len(f.From))
	for i, page := range f.From {
		links[i] = "<" + page + ">"
	}
	fmt.Fprintf(&b, "\nSaid by %s; what is not said there is not known.\n", strings.Join(links, ", "))
	return b.String()
}
