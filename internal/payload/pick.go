package payload

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// ErrCost means that finding the fields would require reading the payload too
// often.
var ErrCost = errors.New("the fields cost too much: the payload would have to be read too often")

// In total the payload may be read this often, plus a number of bytes that is
// enough for many fields of a small payload.
const (
	maxReadings = 8
	maxAgain    = 8 << 20
)

// reader looks up paths, and pays for each pass in advance.
type reader struct{ left int }

// read deducts bytes that are about to be read, or ends the lookup.
func (r *reader) read(n int) {
	if r.left -= n; r.left < 0 {
		panic(ErrCost)
	}
}

// pick returns the values of paths in a payload.
func pick(payload jsondoc.Value, paths []path) (values []jsondoc.Value, err error) {
	defer func() {
		switch stopped := recover(); stopped {
		case nil:
		case ErrCost:
			values, err = nil, ErrCost
		default:
			panic(stopped)
		}
	}()
	r := reader{maxReadings*len(payload.Raw()) + maxAgain}
	values = make([]jsondoc.Value, len(paths))
	ways := make([]way, len(paths))
	for i, p := range paths {
		ways[i] = way{&values[i], p.names()}
	}
	r.spread(payload, ways)
	for i, p := range paths {
		if values[i].Exists() && len(p) > 0 {
			values[i] = r.walk(values[i], p[0][len(p.names()):])
			values[i] = r.follow(values[i], p[1:])
		}
	}
	return values, nil
}

// way is a path as far as it consists of plain names.
type way struct {
	found *jsondoc.Value
	names []string
}

// spread follows all ways at once, and reads each object or list once for all
// of them.
func (r *reader) spread(v jsondoc.Value, ways []way) {
	var further []way
	for _, w := range ways {
		if len(w.names) == 0 {
			*w.found = v
		} else {
			further = append(further, w)
		}
	}
	if further == nil {
		return
	}
	r.read(len(v.Raw()))
	if len(further) == 1 {
		*further[0].found = v.Walk(further[0].names)
		return
	}
	var room [64]byte
	for name, member := range v.Members() {
		r.branch(member, name.AppendText(room[:0]), further)
	}
	at := 0
	for entry := range v.Entries() {
		r.branch(entry, strconv.AppendInt(room[:0], int64(at), 10), further)
		at++
	}
}

// branch follows the ways that lead through a member or entry.
func (r *reader) branch(v jsondoc.Value, name []byte, ways []way) {
	var through []way
	for _, w := range ways {
		if w.names[0] == string(name) {
			through = append(through, way{w.found, w.names[1:]})
		}
	}
	if through != nil {
		r.spread(v, through)
	}
}

func (r *reader) follow(v jsondoc.Value, p path) jsondoc.Value {
	for _, steps := range p {
		v = r.walk(v, steps)
	}
	return v
}

// walk follows the steps. Its result does not exist if a step leads nowhere.
func (r *reader) walk(v jsondoc.Value, steps chain) jsondoc.Value {
	if len(steps) == 0 {
		return v
	}
	r.read(len(v.Raw()))
	switch s := &steps[0]; {
	case v.IsArray() && s.query != nil:
		return r.search(v, s.query, steps[1:])
	case v.IsArray() && s.hash && len(steps) == 1:
		return count(v)
	case v.IsArray() && s.hash:
		return r.each(v, steps[1:])
	case s.query != nil:
		return jsondoc.Value{}
	case v.IsObject() && s.wild:
		return r.guess(v, s.name, steps[1:])
	}
	names := steps[0].names
	if found := v.Walk(names); found.Exists() {
		return r.walk(found, steps[len(names):])
	}
	return jsondoc.Value{}
}

func count(list jsondoc.Value) jsondoc.Value {
	n := 0
	for range list.Entries() {
		n++
	}
	return jsondoc.Made(strconv.AppendInt(nil, int64(n), 10))
}

// each collects what is found in each entry of a list.
func (r *reader) each(list jsondoc.Value, steps chain) jsondoc.Value {
	var made maker
	for entry := range list.Entries() {
		made.add(r, r.walk(entry, steps))
	}
	return made.value()
}

// search returns what is found in the first entry that a query selects, or
// collects what is found in all of them.
func (r *reader) search(list jsondoc.Value, q *query, steps chain) jsondoc.Value {
	var made maker
	for entry := range list.Entries() {
		if !r.meets(entry, q) {
			continue
		}
		found := r.walk(entry, steps)
		if !q.all {
			return found
		}
		made.add(r, found)
	}
	if !q.all {
		return jsondoc.Value{}
	}
	return made.value()
}

// guess takes the first member whose name matches the pattern, and in which the
// remaining steps lead somewhere.
func (r *reader) guess(object jsondoc.Value, pattern string, steps chain) jsondoc.Value {
	for name, member := range object.Members() {
		r.read(len(name.Raw()) * costOf(pattern))
		text := name.Text()
		if !glob(text, pattern) {
			continue
		}
		if found := r.walk(member, steps); found.Exists() {
			return found
		}
	}
	return jsondoc.Value{}
}

// maker builds a list of values.
type maker struct{ json []byte }

func (m *maker) add(r *reader, v jsondoc.Value) {
	if !v.Exists() {
		return
	}
	r.read(len(v.Raw()))
	m.json = append(append(m.json, ','), v.Raw()...)
}

func (m *maker) value() jsondoc.Value {
	if m.json == nil {
		return jsondoc.Made([]byte("[]"))
	}
	m.json[0] = '['
	return jsondoc.Made(append(m.json, ']'))
}

// meets reports whether a query selects an entry.
func (r *reader) meets(entry jsondoc.Value, q *query) bool {
	v := entry
	switch {
	case entry.IsObject() || entry.IsArray():
		if v = r.follow(entry, q.path); q.path == nil {
			v = jsondoc.Value{} // it cannot itself be compared
		}
	case q.path != nil:
		return false
	}
	r.read(len(v.Raw()))
	if kind, asked := strings.CutPrefix(q.value, "~"); asked && q.operator != "" {
		is, known := isKind(v, kind)
		return known && compareTruth(is, q.operator, "true")
	}
	switch {
	case !v.Exists() || q.operator == "":
		return v.Exists()
	case v.IsString():
		text := v.Text()
		if q.operator == "%" || q.operator == "!%" {
			r.read(len(text) * costOf(q.value))
			return glob(text, q.value) == (q.operator == "%")
		}
		return holds(strings.Compare(text, q.value), q.operator)
	case v.IsNumber():
		n, _ := strconv.ParseFloat(string(v.Raw()), 64)
		wanted, _ := strconv.ParseFloat(q.value, 64)
		return holds(compareNumbers(n, wanted), q.operator)
	case v.IsTrue() || v.IsFalse():
		return compareTruth(v.IsTrue(), q.operator, q.value)
	}
	return false
}

// isKind reports whether a value is what a query calls ~true, ~false, ~null or
// ~*.
func isKind(v jsondoc.Value, kind string) (is, known bool) {
	n, _ := strconv.ParseFloat(string(v.Raw()), 64)
	said, err := strconv.ParseBool(strings.ToLower(v.Text()))
	isBool := v.IsString() && err == nil
	switch kind {
	case "true":
		return v.IsTrue() || isBool && said || v.IsNumber() && n != 0, true
	case "false":
		return v.IsFalse() || v.IsNull() || !v.Exists() || isBool && !said || v.IsNumber() && n == 0, true
	case "null":
		return v.IsNull() || !v.Exists(), true
	case "*":
		return v.Exists(), true
	}
	return false, false
}

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func holds(order int, operator string) bool {
	switch operator {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return false
}

// compareTruth compares a boolean with a literal; false is less than true.
func compareTruth(is bool, operator, value string) bool {
	switch operator {
	case "=", "!=":
		return (value == strconv.FormatBool(is)) == (operator == "=")
	case "<":
		return !is && value == "true"
	case "<=":
		return !is
	case ">":
		return is && value == "false"
	case ">=":
		return is
	}
	return false
}

// costOf returns how many bytes count for each byte that is matched with a
// pattern.
func costOf(pattern string) int {
	if strings.Contains(pattern, "*") {
		return 1 + len(pattern)/8
	}
	return 1
}

// glob reports whether a pattern matches a text: `*` matches any characters,
// `?` one. Each part between stars is matched at its first occurrence.
func glob(text, pattern string) bool {
	at, star, resume := 0, -1, 0
	for i := 0; i < len(text); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, resume = at, i
			at++
		case at < len(pattern) && pattern[at] == '?':
			at++
			i += runeAt(text, i)
		case at < len(pattern) && pattern[at] == text[i]:
			at++
			i++
		case star >= 0:
			resume += runeAt(text, resume)
			at, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[at:], "*") == ""
}

func runeAt(text string, at int) int {
	_, size := utf8.DecodeRuneInString(text[at:])
	return size
}
