package jsondoc

import (
	"encoding/binary"
	"sync"
	"unicode/utf8"
	"unsafe"
)

const (
	// maxNames bounds the total number of members in objects nested in one
	// another. It bounds the memory of a check.
	maxNames = 200_000

	// fewNames is up to how many members are compared one by one.
	fewNames = 64
)

// names are the member names seen in the open objects.
type names struct {
	objects []object
	texts   []string // of all open objects, the innermost one's last
	tags    []uint64 // of texts: equal texts have equal tags
	most    int      // the most texts there have been
	err     error
}

// object is an open object.
type object struct {
	begin int                 // where its names begin
	index map[string]struct{} // its names, if there are many
}

var spareNames = sync.Pool{New: func() any { return new(names) }}

func borrowNames() *names { return spareNames.Get().(*names) }

// giveBack keeps none of the text, and little memory.
func (n *names) giveBack() {
	for len(n.objects) > 0 {
		n.close()
	}
	clear(n.texts[:n.most])
	n.err, n.most = nil, 0
	if cap(n.texts) <= 1<<10 {
		spareNames.Put(n)
	}
}

func (n *names) open() { n.objects = append(n.objects, object{begin: len(n.texts)}) }

func (n *names) close() {
	last := len(n.objects) - 1
	begin := n.objects[last].begin
	n.objects[last].index = nil
	n.most = max(n.most, len(n.texts))
	n.objects, n.texts, n.tags = n.objects[:last], n.texts[:begin], n.tags[:begin]
}

// skip skips a member's name, and what separates it from the value. It returns
// -1 for a repeated name, too.
func (n *names) skip(text []byte, at int) int {
	if at < 0 || at >= len(text) || text[at] != '"' {
		return -1
	}
	end := skipString(text, at)
	if end < 0 || !n.add(text[at:end]) {
		return -1
	}
	at = skipBlanks(text, end)
	if at >= len(text) || text[at] != ':' {
		return -1
	}
	return skipBlanks(text, at+1)
}

// add records a member name, unless it has occurred before.
func (n *names) add(raw []byte) bool {
	if len(n.texts) == maxNames {
		n.err = ErrNames
		return false
	}
	text := raw[1 : len(raw)-1]
	if !plain(text) {
		text = said(raw)
	}
	// The text does not change during the check.
	name, tag := unsafe.String(unsafe.SliceData(text), len(text)), tagOf(text)
	object := &n.objects[len(n.objects)-1]
	if n.has(object, name, tag) {
		n.err = ErrDuplicate
		return false
	}
	n.texts, n.tags = append(n.texts, name), append(n.tags, tag)
	if object.index != nil {
		object.index[name] = struct{}{}
	}
	return true
}

func (n *names) has(object *object, name string, tag uint64) bool {
	if object.index == nil && len(n.texts)-object.begin >= fewNames {
		object.index = make(map[string]struct{}, 4*fewNames)
		for _, text := range n.texts[object.begin:] {
			object.index[text] = struct{}{}
		}
	}
	if object.index != nil {
		_, found := object.index[name]
		return found
	}
	texts, tags := n.texts[object.begin:], n.tags[object.begin:]
	for i := range tags {
		if tags[i] == tag && texts[i] == name {
			return true
		}
	}
	return false
}

// plain reports whether a string needs no decoding.
func plain(text []byte) bool {
	for _, c := range text {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// tagOf distinguishes most names by their length, beginning and end.
func tagOf(name []byte) uint64 {
	if len(name) >= 8 {
		return uint64(len(name))<<56 ^ binary.LittleEndian.Uint64(name) ^ binary.LittleEndian.Uint64(name[len(name)-8:])<<1
	}
	tag := uint64(len(name))
	for _, c := range name {
		tag = tag<<8 | uint64(c)
	}
	return tag
}
