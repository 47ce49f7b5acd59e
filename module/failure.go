package module

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/hookgate/hookgate/internal/gate"
)

// answerFailure answers for a next handler that has failed, as the server would:
// by the error routes around the handler and the server's, else with the status
// alone. Were the error returned, the server would write the request into its log
// as it came, with the sender's credentials in its headers and its query.
func (h *Handler) answerFailure(w http.ResponseWriter, r *http.Request, failure error, seen gate.Seen) {
	err := failure
	for i := 0; i < len(h.failures) && err != nil; i++ {
		err = answerByRoutes(w, r, h.failures[i], err)
	}
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if ok && err != nil && server.Errors != nil && len(server.Errors.Routes) > 0 &&
		answerByRoutes(w, asItCame(r), server.Errors, err) == nil {
		err = nil
	}
	level := zapcore.DebugLevel // as the server has it for what its routes have answered
	if err != nil {
		w.WriteHeader(statusOf(err))
		if statusOf(err) >= http.StatusInternalServerError {
			level = zapcore.ErrorLevel
		}
	}
	if entry := h.logger.Check(level, "the next handler has failed"); entry != nil {
		entry.Write(
			zap.String("error", withoutQuery(r, failure)),
			zap.Int("status", statusOf(failure)),
			zap.String("webhook_id", seen.Integration.WebhookID),
			zap.String("project", seen.Integration.Project))
	}
}

// answerByRoutes answers by error routes, and by the status where none of them
// does.
func answerByRoutes(w http.ResponseWriter, r *http.Request, routes *caddyhttp.HTTPErrorConfig, failure error) error {
	last := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(statusOf(failure))
		return nil
	})
	return routes.Routes.Compile(last).ServeHTTP(w, routes.WithError(r, failure))
}

// asItCame is the request with the address that it had before any handler.
func asItCame(r *http.Request) *http.Request {
	original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		return r
	}
	came := r.WithContext(r.Context())
	address := *original.URL
	came.Method, came.RemoteAddr, came.RequestURI, came.URL = original.Method, original.RemoteAddr, original.RequestURI, &address
	return came
}

func statusOf(failure error) int {
	var known caddyhttp.HandlerError
	if errors.As(failure, &known) && known.StatusCode != 0 {
		return known.StatusCode
	}
	return http.StatusInternalServerError
}

// withoutQuery is an error's text without what may be a credential in it.
func withoutQuery(r *http.Request, err error) string {
	text := err.Error()
	_, came, _ := strings.Cut(r.RequestURI, "?")
	for _, query := range []string{came, r.URL.RawQuery} {
		if query != "" {
			text = strings.ReplaceAll(text, query, "…")
		}
	}
	return text
}
