package module

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// warnOfLogs warns of each log that shows the credentials of webhook requests, in their
// headers or in the query of the URL.
func (a *App) warnOfLogs() {
	config, known := peek[*caddy.Config](&a.ctx, "cfg")
	if !known || config.Logging == nil {
		return
	}
	names := a.accessLogs()
	for _, name := range slices.Sorted(maps.Keys(config.Logging.Logs)) {
		l := config.Logging.Logs[name]
		output, _ := peek[caddy.WriterOpener](&l.BaseLog, "writerOpener")
		if _, discards := output.(*caddy.DiscardWriter); output == nil || discards ||
			!isSetUp(name, l) && !slices.ContainsFunc(names, func(logger string) bool { return admits(l, logger) }) {
			continue
		}
		if shown := shows(l); len(shown) > 0 {
			a.logger.Warn("a log shows the credentials of webhook requests: delete request>headers and the query of request>uri in it",
				zap.String("log", name), zap.Stringer("output", output), zap.Strings("shows", shown))
		}
	}
}

// accessLogs returns the names of the loggers that log requests to webhooks handlers.
func (a *App) accessLogs() []string {
	loaded, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return nil
	}
	var names []string
	for _, server := range loaded.(*caddyhttp.App).Servers {
		if server.Logs == nil {
			continue
		}
		for _, host := range hostsOf(server.Routes, []string{""}) {
			for _, name := range loggersOf(server.Logs, host) {
				names = append(names, strings.TrimSuffix("http.log.access."+name, "."))
			}
		}
	}
	return names
}

// hostsOf returns the hosts of the routes that lead to a webhooks handler; above are the
// hosts of the routes around them, "" for any.
func hostsOf(routes caddyhttp.RouteList, above []string) []string {
	var found []string
	for i := range routes {
		hosts := above
		for _, set := range routes[i].MatcherSets {
			for _, matcher := range set {
				if only, ok := matcher.(*caddyhttp.MatchHost); ok {
					hosts = *only
				}
			}
		}
		for _, handler := range routes[i].Handlers {
			switch handler := handler.(type) {
			case *Handler:
				found = append(found, hosts...)
			case *caddyhttp.Subroute:
				found = append(found, hostsOf(handler.Routes, hosts)...)
			}
		}
	}
	return found
}

// loggersOf returns the names under which a server logs requests to a host.
func loggersOf(logs *caddyhttp.ServerLogConfig, host string) []string {
	host = strings.ToLower(host)
	for name, loggers := range logs.LoggerNames {
		_, below, _ := strings.Cut(host, ".")
		if name == host || below != "" && name == "*."+below {
			return loggers
		}
	}
	if logs.SkipUnmappedHosts || slices.Contains(logs.SkipHosts, host) {
		return nil
	}
	return []string{logs.DefaultLoggerName}
}

// isSetUp reports whether the log was configured, and not just to keep requests out of
// it. Caddy creates the default log if nobody configures it.
func isSetUp(name string, l *caddy.CustomLog) bool {
	if len(l.Include) > 0 {
		return false // it is for something of its own
	}
	output, _ := peek[caddy.WriterOpener](&l.BaseLog, "writerOpener")
	encoder, _ := peek[zapcore.Encoder](&l.BaseLog, "encoder")
	_, isDefault := output.(caddy.StderrWriter)
	return name != caddy.DefaultLoggerName || l.Level != "" || !isDefault ||
		encoder != nil && !strings.HasPrefix(reflect.TypeOf(encoder).String(), "*zapcore.")
}

// admits reports whether the log takes entries of the logger: of the namespaces that it
// includes and excludes, the longest match counts.
func admits(l *caddy.CustomLog, logger string) bool {
	longest := func(namespaces []string) int {
		most := 0
		for _, namespace := range namespaces {
			if namespace == "*" || strings.HasPrefix(logger+".", namespace+".") {
				most = max(most, len(namespace))
			}
		}
		return most
	}
	included, excluded := longest(l.Include), longest(l.Exclude)
	return included > excluded || len(l.Include) == 0 && excluded == 0
}

// shows returns the parts of a request with credentials that the log writes out. It
// encodes a sample request to find out.
func shows(l *caddy.CustomLog) []string {
	encoder, known := peek[zapcore.Encoder](&l.BaseLog, "encoder")
	if !known || encoder == nil {
		return nil
	}
	const inHeader, inQuery = "x4c61b7e2header", "x4c61b7e2query"
	request := &http.Request{
		Method: http.MethodPost, Host: "localhost", RequestURI: "/webhooks/id?token=" + inQuery,
		URL: &url.URL{Path: "/webhooks/id", RawQuery: "token=" + inQuery}, Header: http.Header{"X-Secret": {inHeader}},
	}
	text, err := encoder.Clone().EncodeEntry(
		zapcore.Entry{LoggerName: "http.log.access", Message: "handled request", Time: time.Now()},
		[]zap.Field{zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: request})})
	if err != nil {
		return nil
	}
	defer text.Free()
	var shown []string
	if strings.Contains(text.String(), inHeader) {
		shown = append(shown, "request>headers")
	}
	if strings.Contains(text.String(), inQuery) {
		shown = append(shown, "request>uri")
	}
	return shown
}
