package httpcall

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// maxRetryAfter bounds what an endpoint may ask for; the retry policy limits it
// further.
const maxRetryAfter = 7 * 24 * time.Hour

// Judge returns what an answer's status means for the event.
func Judge(status int, header http.Header) trigger.Result {
	result := trigger.Result{StatusCode: status, Error: trigger.ErrStatus}
	switch {
	case status >= 200 && status < 300:
		result.Verdict, result.Error = trigger.Delivered, ""
	case status >= 300 && status < 400:
		result.Verdict, result.Error = trigger.Retry, trigger.ErrRedirect
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		result.Verdict = trigger.RefusedCredential
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests,
		status >= 500 && status < 600:
		result.Verdict = trigger.Retry
	case status >= 400 && status < 500:
		result.Verdict = trigger.Fail
	default:
		result.Verdict, result.Error = trigger.Retry, trigger.ErrAnswerInvalid
	}
	if result.Verdict != trigger.Delivered {
		result.RetryAfter = retryAfter(header, time.Now())
	}
	return result
}

// retryAfter parses Retry-After in either form (RFC 9110, section 10.2.3). A
// value that is neither, or is in the past, counts as missing. A date is
// interpreted by the clock that wrote it, if the answer has a Date: ours may be
// wrong.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
