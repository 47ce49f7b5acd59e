package httpcall

import (
	"io"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// maxAnswer is how much of an answer Send reads, in bytes. Nothing is done with
// it; a short answer read to its end lets the connection be used again.
const maxAnswer = 64 << 10

// Send makes the request as one attempt and returns how it ended. The status
// alone decides: the answer's body is discarded.
func Send(transport http.RoundTripper, request *http.Request, timeout time.Duration) trigger.Result {
	var result trigger.Result
	failure := Do(transport, request, timeout, func(response *http.Response) error {
		result = Judge(response.StatusCode, response.Header)
		// A body that breaks off changes nothing.
		_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
		return nil
	})
	if failure != nil {
		return failure.Result()
	}
	return result
}
