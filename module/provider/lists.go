package provider

import (
	"errors"
	"fmt"
	"strings"
)

// each is the path step that stands for each entry of a list.
const each = "#"

// MaxLists bounds how deep lists are nested.
const MaxLists = 3

// Lists returns the paths of the lists whose entries are events, the outermost
// first: each from an entry of the one before, `""` if that entry, or the body,
// is itself the list. A sender that puts one event into a request has none.
func (d *Description) Lists() ([]string, error) {
	var longest []string
	for _, path := range d.eventPaths() {
		lists := listsOf(path)
		if len(lists) > MaxLists {
			return nil, fmt.Errorf("event, delivery, kinds, action: at most %d lists can be nested", MaxLists)
		}
		for i := range min(len(lists), len(longest)) {
			if lists[i] != longest[i] {
				return nil, errors.New("event, delivery, kinds, action: the lists of the paths must be nested in one another")
			}
		}
		if len(lists) > len(longest) {
			longest = lists
		}
	}
	return longest, nil
}

// eventPaths returns the paths of an event's values.
func (d *Description) eventPaths() []string {
	var paths []string
	for _, at := range d.Event {
		paths = append(paths, at.JSON)
	}
	for _, at := range d.Delivery {
		paths = append(paths, at.JSON)
	}
	return append(append(paths, d.Kinds...), d.Action...)
}

// listsOf returns the paths of the lists that a path leads through.
func listsOf(path string) []string {
	var lists, steps []string
	for step := range strings.SplitSeq(path, ".") {
		if step != each {
			steps = append(steps, step)
			continue
		}
		lists, steps = append(lists, strings.Join(steps, ".")), nil
	}
	return lists
}
