package remotekey

import (
	"time"

	"golang.org/x/time/rate"
)

// paces bounds how often each of many clients may do something. Only recent
// ones are remembered.
type paces[K comparable] struct {
	pace Pace
	by   map[K]*rate.Limiter
}

// maxPaces bounds how many are remembered.
const maxPaces = 1024

func newPaces[K comparable](pace Pace) paces[K] {
	return paces[K]{pace, make(map[K]*rate.Limiter)}
}

// left reports whether take would succeed.
func (p *paces[K]) left(who K, now time.Time) bool {
	limiter := p.limiter(who, now)
	return limiter != nil && limiter.TokensAt(now) >= 1
}

// take counts one more, if allowed.
func (p *paces[K]) take(who K, now time.Time) bool {
	limiter := p.limiter(who, now)
	return limiter != nil && limiter.AllowN(now, 1)
}

// limiter returns nil for a new client while too many are remembered.
func (p *paces[K]) limiter(who K, now time.Time) *rate.Limiter {
	limiter := p.by[who]
	if limiter == nil && (len(p.by) < maxPaces || p.forget(now)) {
		limiter = rate.NewLimiter(rate.Every(p.pace.Pause), p.pace.Burst)
		p.by[who] = limiter
	}
	return limiter
}

// forget drops those that have done nothing recently, and reports whether there
// is room.
func (p *paces[K]) forget(now time.Time) bool {
	for who, limiter := range p.by {
		if limiter.TokensAt(now) >= float64(p.pace.Burst) {
			delete(p.by, who)
		}
	}
	return len(p.by) < maxPaces
}
