package main

import (
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/internal/sender"
)

// delivers describes how the sender delivers, with its sources.
func delivers(f *sender.Facts) string {
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, row := range []struct{ what, fact string }{
		{"Several events per request", f.Batch},
		{"Waits for an answer", f.Deadline},
		{"Accepts as success", f.Success},
		{"Retries", f.Retries},
		{"Signs each retry", f.Signs},
		{"Gives up on the URL", f.GivesUp},
		{"Its test", f.Test},
		{"What its test shows", f.Seen},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", row.what, row.fact)
	}
	links := make([]string, len(f.From))
	for i, page := range f.From {
		links[i] = "<" + page + ">"
	}
	fmt.Fprintf(&b, "\nSource: %s; anything not stated there is not known.\n", strings.Join(links, ", "))
	return b.String()
}
