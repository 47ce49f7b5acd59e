package dispatch

// list is an intrusive list: its members hold their own links, so that each
// leaves it in one step and none is in two lists at once. It is a ring: the last
// member precedes the first. A list with members must not be moved.
type list[T linked[T]] struct{ first T }

// linked is a member of a list, a pointer.
type linked[T any] interface {
	comparable
	link() *link[T]
}

// link is a member's place. Its zero value is in no list.
type link[T any] struct {
	prev, next T
	in         *T // where the list keeps its first
}

// push puts a member of no list at the end.
func (l *list[T]) push(v T) {
	var none T
	own := v.link()
	own.in = &l.first
	if l.first == none {
		own.prev, own.next = v, v
		l.first = v
		return
	}
	next := l.first.link()
	own.prev, own.next = next.prev, l.first
	next.prev.link().next = v
	next.prev = v
}

// remove takes a member out of the list that it is in, if it is in one.
func remove[T linked[T]](v T) {
	own := v.link()
	switch {
	case own.in == nil:
		return
	case own.next == v:
		var none T
		*own.in = none
	default:
		own.prev.link().next, own.next.link().prev = own.next, own.prev
		if *own.in == v {
			*own.in = own.next
		}
	}
	*own = link[T]{}
}

// move puts a member at the end of a list, or in none if the list is nil.
func move[T linked[T]](v T, to *list[T]) {
	remove(v)
	if to != nil {
		to.push(v)
	}
}

// turn puts the first of a list at its end.
func (l *list[T]) turn() { l.first = l.first.link().next }

func (l *list[T]) empty() bool {
	var none T
	return l.first == none
}

func (l *list[T]) holds(v T) bool { return v.link().in == &l.first }

// each calls fn for each member, which may remove that one.
func (l *list[T]) each(fn func(T)) {
	if l.empty() {
		return
	}
	last := l.first.link().prev
	for v := l.first; ; {
		next := v.link().next
		fn(v)
		if v == last {
			return
		}
		v = next
	}
}
