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

// answerFailure answers in place of a next handler that failed, as the server would: by
// the error routes around the handler, then by the server's, and otherwise with just the
// status. If the error were returned, the server would log the request as it arrived,
// with the sender's credentials in its headers and its query.
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
	level := zapcore.DebugLevel // as the server does if its routes answered
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

// answerByRoutes answers by error routes, and with just the status if none of them
// does.
func answerByRoutes(w http.ResponseWriter, r *http.Request, routes *caddyhttp.HTTPErrorConfig, failure error) error {
	last := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(statusOf(failure))
		return nil
	})
	return routes.Routes.Compile(last).ServeHTTP(w, routes.WithError(r, failure))
}

// asItCame returns the request with the URL that it had before any handler.
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

// withoutQuery returns an error's text without the query, which may be a credential.
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
