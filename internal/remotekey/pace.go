package remotekey

import "time"

// paces says how often each of many may do something. Only those are remembered
// who have done it lately.
type paces[K comparable] struct {
	pace Pace
	by   map[K]*bucket
}

// bucket holds what is left to one of them: it fills with time.
type bucket struct {
	left  int
	since time.Time // the last time that left grew
}

// maxPaces bounds how many are remembered.
const maxPaces = 1024

func newPaces[K comparable](pace Pace) paces[K] {
	return paces[K]{pace, make(map[K]*bucket)}
}

// left says whether take would succeed.
func (p *paces[K]) left(who K, now time.Time) bool {
	b := p.bucket(who, now)
	return b != nil && b.left > 0
}

// take counts one more, if it may be.
func (p *paces[K]) take(who K, now time.Time) bool {
	b := p.bucket(who, now)
	if b == nil || b.left == 0 {
		return false
	}
	b.left--
	return true
}

func (p *paces[K]) bucket(who K, now time.Time) *bucket {
	b := p.by[who]
	if b == nil {
		if len(p.by) >= maxPaces && !p.forget(now) {
			return nil
		}
		b = &bucket{left: p.pace.Burst, since: now}
		p.by[who] = b
	}
	b.fill(p.pace, now)
	return b
}

func (b *bucket) fill(pace Pace, now time.Time) {
	if b.left >= pace.Burst {
		b.since = now
		return
	}
	grown := int(min(now.Sub(b.since)/pace.Pause, time.Duration(pace.Burst-b.left)))
	b.left += grown
	b.since = b.since.Add(time.Duration(grown) * pace.Pause)
}

// forget drops those who have done nothing lately.
func (p *paces[K]) forget(now time.Time) bool {
	for who, b := range p.by {
		if b.fill(p.pace, now); b.left >= p.pace.Burst {
			delete(p.by, who)
		}
	}
	return len(p.by) < maxPaces
}
