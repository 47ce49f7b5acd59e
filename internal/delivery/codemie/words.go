package codemie

import (
	"regexp"
	"strings"
)

// maxDetail bounds what is quoted from the platform, in characters.
const maxDetail = 200

// explain returns the platform's own message for an admin.
func (s *session) explain(a *answer, token string) string {
	text := a.message()
	if details := a.text("error.details"); details != "" && text != "" && !isTrace(text) {
		text += ": " + details
	}
	return s.quote(text, token)
}

// quote makes the platform's message fit for display: short, on one line, and
// without the operator's address or token. Of a stack trace only the text below
// the stack explains the error.
func (s *session) quote(text string, tokens ...string) string {
	if isTrace(text) {
		text = lastLine(text)
	}
	if token, err := s.token.current(); err == nil {
		tokens = append(tokens, token)
	}
	for _, secret := range append(tokens, s.platform.base) {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	// A name without a dot may be an ordinary word, such as "codemie".
	if host := s.platform.host; strings.ContainsAny(host, ".:") {
		text = strings.ReplaceAll(text, host, "…")
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if runes := []rune(text); len(runes) > maxDetail {
		text = string(runes[:maxDetail-1]) + "…"
	}
	return text
}

var frame = regexp.MustCompile(`(?m)^ +File ".*", line \d+`)

// isTrace reports whether the text contains a Python stack trace, or the end of
// one.
func isTrace(text string) bool {
	return strings.Contains(text, "Traceback (most recent call last)") || frame.MatchString(text)
}

// lastLine returns the text below the stack: the exception. Its message may
// have several lines; those of the stack are indented.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	stack := frame.FindAllStringIndex(text, -1)
	if len(stack) == 0 {
		return text[strings.LastIndexByte(text, '\n')+1:]
	}
	_, rest, _ := strings.Cut(text[stack[len(stack)-1][1]:], "\n")
	for strings.HasPrefix(rest, " ") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	if rest = strings.TrimSpace(rest); rest == "" {
		rest = text[strings.LastIndexByte(text, '\n')+1:]
	}
	return rest
}

// failures are how the platform's answer for a failed run begins, in its
// default wording. It marks such a run as completed.
var failures = []string{
	"AI Agent run failed with error",
	"PureChain generation failed with error",
	"Your LLM usage budget has been exceeded.",
	"Budget has been exceeded",
	"Budget limit has been reached. Please contact",
	"The LLM service is temporarily overloaded due to rate limiting.",
	"The tokens-per-minute limit for the LLM has been reached.",
	"The requests-per-minute limit for the LLM has been reached.",
	"The LLM service is currently unavailable.",
	"An internal error occurred in the LLM service.",
	"The input is too long for the selected model's context window.",
	"The request was rejected due to the LLM provider's content policy.",
	"LLM authentication failed.",
	"Access to the LLM model was denied.",
	"The LLM request timed out.",
	"A transient connectivity error occurred with the LLM service.",
	"The LLM request was invalid or could not be processed.",
	"An unexpected LLM error occurred.",
	"The agent request timed out.",
	"The configured output token limit was reached.",
	"An agent callback failed. Please try again",
	"A network error occurred during agent execution.",
	"Agent configuration is invalid. Please contact",
	"An internal agent error occurred.",
	"An agent error occurred. Please try again",
}

// bareFailure matches an exception that the platform passes on unchanged: those
// of its model clients and of the network.
var bareFailure = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`litellm\.\w+: `,
	`Error code: [45]\d\d - `,
	`\[Errno -?\d+\] `,
	`HTTPS?ConnectionPool\(`,
	`(?:Request timed out|Connection error|External Service Exception|timed out|Read timed out|Server disconnected without sending a response)\.?$`,
}, "|") + `)`)

// saysFailure reports whether a run's answer means that the run has failed.
func saysFailure(text string) bool {
	text = strings.TrimSpace(text)
	for _, begin := range failures {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return bareFailure.MatchString(text)
}
