package sender

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// clock reads the signing time.
type clock struct {
	header    string // canonical; or
	part      string // `name=`; or
	json      string
	format    provider.TimeFormat
	tolerance int64 // seconds
}

func compileTime(t *provider.Time) *clock {
	if t == nil {
		return nil
	}
	c := &clock{header: http.CanonicalHeaderKey(t.Header), json: t.JSON, format: t.Format, tolerance: int64(t.Tolerance)}
	if t.Part != "" {
		c.part = t.Part + "="
	}
	if c.format == "" {
		c.format = provider.UnixSeconds
	}
	if c.tolerance == 0 {
		c.tolerance = provider.DefaultTolerance
	}
	return c
}

// find returns the time in the body as it is written: a number, or for RFC 3339
// a string.
func (c *clock) find(body *jsondoc.Document) string {
	value := body.Value().Get(c.json)
	if c.format == provider.RFC3339 {
		return value.Text()
	}
	if value.IsNumber() {
		return string(value.Raw())
	}
	return ""
}

// within returns the clock with another tolerance.
func (c *clock) within(seconds int) *clock {
	other := *c
	other.tolerance = int64(seconds)
	return &other
}

// check returns what is wrong with a time as it was sent.
func (c *clock) check(text string, now time.Time) Reason {
	return c.checkWithin(text, now, c.tolerance)
}

// checkOf is check for code, with the request's tolerance.
func (c *clock) checkOf(text string, r *provider.Request) Reason {
	return c.checkWithin(text, r.Now, int64(r.Tolerance))
}

func (c *clock) checkWithin(text string, now time.Time, tolerance int64) Reason {
	seconds, ok := c.read(text)
	if !ok {
		return Malformed
	}
	// In seconds: as a time.Duration, a distant time would wrap around into the
	// window. An old time may be a retry; a future time can only be a wrong clock.
	age := now.Unix() - seconds
	if age > tolerance || -age > min(tolerance, provider.DefaultTolerance) {
		return Stale
	}
	return ""
}

// read accepts only one spelling: a lenient parser would let a byte of what
// follows pass for part of the time.
func (c *clock) read(text string) (seconds int64, ok bool) {
	switch c.format {
	case provider.UnixMillis:
		milliseconds, ok := digits(text, 15)
		return milliseconds / 1000, ok
	case provider.RFC3339:
		if len(text) < len("2006-01-02T15:04:05Z") || len(text) > len("2006-01-02T15:04:05.999999999+00:00") || strings.Contains(text, ",") {
			return 0, false
		}
		at, err := time.Parse(time.RFC3339, text)
		return at.Unix(), err == nil
	}
	return digits(text, 12)
}

// digits reads a number that is too short to overflow.
func digits(text string, most int) (int64, bool) {
	if text == "" || len(text) > most {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil
}

// value returns the time as the sender writes it in JSON.
func (c *clock) value(now time.Time) any {
	if c.format == provider.RFC3339 {
		return c.write(now)
	}
	return json.RawMessage(c.write(now))
}

// write returns the time as the sender writes it.
func (c *clock) write(now time.Time) string {
	switch c.format {
	case provider.UnixMillis:
		return strconv.FormatInt(now.UnixMilli(), 10)
	case provider.RFC3339:
		return now.UTC().Format("2006-01-02T15:04:05Z")
	}
	return strconv.FormatInt(now.Unix(), 10)
}
