// Package codemie starts assistants, workflows and datasources on the CodeMie
// platform through its REST API, and follows each run until it ends.
//
// A run costs money, so a start is never repeated blindly. Before a start is
// sent, the intent is saved with the event; if its outcome is unclear, the
// platform is asked for the run, and if it shows none, the event fails for
// good.
package codemie

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
)

// The defaults of Options.
const (
	DefaultPollInterval = 15 * time.Second
	DefaultRunTimeout   = 6 * time.Hour

	// An assistant's run may end silently, so it is given up earlier. The platform
	// cuts off each of its calls to a model after 600 s; this leaves time for six
	// such calls, one after another.
	DefaultAssistantRunTimeout = time.Hour

	DefaultFolder = "job"
)

// The resource types that the platform knows.
const (
	assistantType  = "assistant"
	workflowType   = "workflow"
	datasourceType = "datasource"
)

// Options configure a Platform.
type Options struct {
	// URL is the API's address, with the root path if it has one, such as
	// https://codemie.example.com/code-assistant-api.
	URL string

	// Token is the platform user's access token. It may be nil if every project of
	// Projects has its own.
	Token Token

	// ProjectTokens are used for the events of a project instead of Token.
	ProjectTokens map[string]Token

	// Projects names the projects that the trigger serves. Default: all of them.
	Projects []string

	// AnyProject skips the check that the resource also belongs to the
	// integration's project on the platform.
	AnyProject bool

	// Timeout covers one call to the platform. Default: 30 s.
	Timeout time.Duration

	// PollInterval is the longest interval between two polls of a run in its first
	// half hour; the first polls follow each other faster. Default: 15 s.
	PollInterval time.Duration

	// RunTimeout is how long a run is followed. Default: 1 h for an assistant,
	// 6 h for the others.
	RunTimeout time.Duration

	// Folder is the folder for assistants' chats in the history. Default: job.
	Folder string

	// Transport makes the connections. Fresh opens one per request and keeps none;
	// if nil, Transport is used.
	Transport, Fresh http.RoundTripper
}

// Platform starts the platform's resources.
type Platform struct {
	base          string
	host          string
	token         *credential
	projectTokens map[string]*credential
	anyProject    bool
	timeout       time.Duration
	pollInterval  time.Duration
	runTimeout    time.Duration // 0 for the defaults
	folder        string
	transport     http.RoundTripper
	fresh         http.RoundTripper
	reindexes     reindexes
}

// New validates the options.
func New(options Options) (*Platform, error) {
	base, host, err := parseBase(options.URL)
	if err != nil {
		return nil, err
	}
	if options.Timeout < 0 || options.PollInterval < 0 || options.RunTimeout < 0 {
		return nil, errors.New("timeout, poll_interval or run_timeout is negative")
	}
	p := &Platform{
		base:          base,
		host:          host,
		projectTokens: make(map[string]*credential, len(options.ProjectTokens)),
		anyProject:    options.AnyProject,
		timeout:       orDefault(options.Timeout, httpcall.DefaultTimeout),
		pollInterval:  orDefault(options.PollInterval, DefaultPollInterval),
		runTimeout:    options.RunTimeout,
		folder:        cmp.Or(options.Folder, DefaultFolder),
		transport:     options.Transport,
		fresh:         options.Fresh,
	}
	if p.fresh == nil {
		p.fresh = p.transport
	}
	for project, token := range options.ProjectTokens {
		p.projectTokens[project] = &credential{read: token}
	}
	if options.Token != nil {
		p.token = &credential{read: options.Token}
		return p, nil
	}
	if len(options.Projects) == 0 {
		return nil, errors.New("the token is missing")
	}
	for _, project := range options.Projects {
		if p.projectTokens[project] == nil {
			return nil, errors.New("the token is missing: configure one for all projects, or one for each")
		}
	}
	return p, nil
}

func orDefault(value, otherwise time.Duration) time.Duration {
	if value == 0 {
		return otherwise
	}
	return value
}

// parseBase parses the base URL. Its errors show no part of it.
func parseBase(text string) (base, host string, err error) {
	parsed, err := url.Parse(text)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Hostname() == "" {
		return "", "", errors.New("the URL must be an absolute http or https URL")
	}
	if parsed.User != nil || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" {
		return "", "", errors.New("the URL may have a path, but no user name, query or fragment")
	}
	if err := httpcall.CheckPort(parsed); err != nil {
		return "", "", err
	}
	if strings.Contains(text, "{") {
		return "", "", errors.New("the URL cannot contain {webhook.*} placeholders")
	}
	return strings.TrimRight(text, "/"), parsed.Hostname(), nil
}

// Secure reports whether the URL begins with https.
func (p *Platform) Secure() bool { return strings.HasPrefix(p.base, "https:") }

// ResourceTypes returns the platform's three resource types.
func (p *Platform) ResourceTypes() []string {
	return []string{assistantType, workflowType, datasourceType}
}

// Run continues from the event's progress: it starts the resource, polls a run,
// or looks for one whose start has an unclear outcome.
func (p *Platform) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	s, err := p.session(attempt)
	if err != nil {
		return trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrInternal, Detail: "the saved progress cannot be read"}
	}
	switch attempt.Event.Resource.Type {
	case assistantType:
		return s.assistant(ctx)
	case workflowType:
		return s.workflow(ctx)
	case datasourceType:
		return s.datasource(ctx)
	}
	return trigger.Result{
		Verdict: trigger.Fail, Error: trigger.ErrResourceInvalid,
		Detail: "the platform has no resources of this type",
	}
}
