package command

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/delivery/codemie/settings"
)

// tokenVariable is the environment variable with the platform's token. A flag
// would show it to every user of the machine.
const tokenVariable = "CODEMIE_TOKEN"

const importLong = `
Imports the webhook integrations of the CodeMie platform.

The source is a file with the output of the platform's GET /v1/settings/project
("-" is standard input), or the platform's address with its root path, from
which all pages of that list are read. The access token of an administrator is
then taken from --token-file, or else from the environment variable
CODEMIE_TOKEN.

Nothing is changed without --apply: a line for each integration says what would
be done. An integration that exists here and differs is left alone and counts as
refused, unless --overwrite is given; then the fields that the platform has are
replaced, and the others kept. Secrets are never shown and cannot be compared,
so --overwrite writes them again.

An integration is refused if it has no secret (the platform fails open for it),
if the platform masks its secret (as it does with that of a secure header), or
if it is not valid here. The rest is imported.

Exit status: 0; 2 if --apply was given and something was refused; 1 if the
import failed.
`

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "codemie FILE|URL",
		Short: "Imports the webhook integrations of the CodeMie platform",
		Long:  importLong,
		Example: `  hookgate webhooks import codemie https://codemie.example.com/code-assistant-api --token-file token
  hookgate webhooks import codemie settings.json --project demo --apply`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	flags := cmd.Flags()
	flags.Bool("apply", false, "Make the changes")
	flags.Bool("dry-run", false, "Only show what would be done, as without --apply")
	flags.Bool("overwrite", false, "Replace what exists here and differs")
	flags.StringSlice("project", nil, "Only the integrations of this project; repeatable")
	flags.String("token-file", "", "File with the platform's access token")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		some := false
		err := interruptible(cmd, func(c *call) (err error) {
			some, err = importCodemie(c, args[0])
			return err
		})
		if err != nil || !some {
			return err
		}
		// There is no other way to pass a status to Caddy's command line.
		cmd.SilenceErrors = true
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return 2, nil })(cmd, args)
	}
	return group("import", "Imports integrations from other systems", cmd)
}

// imported is the result for one integration.
type imported struct {
	Project   string   `json:"project"`
	WebhookID string   `json:"webhook_id"`
	Alias     string   `json:"alias"`
	Result    string   `json:"result"`
	Reason    string   `json:"reason,omitempty"`
	Notes     []string `json:"notes,omitempty"`
}

// The results of an import.
const (
	wasImported  = "imported"
	wasUnchanged = "unchanged"
	wasRefused   = "refused"
)

// importReport is the result of an import.
type importReport struct {
	DryRun    bool       `json:"dry_run"`
	Items     []imported `json:"items"`
	Imported  int        `json:"imported"`
	Unchanged int        `json:"unchanged"`
	Refused   int        `json:"refused"`
}

// importCodemie imports what the source lists, and reports whether something
// was to be imported but was refused.
func importCodemie(c *call, source string) (some bool, err error) {
	if c.is("apply") && c.is("dry-run") {
		return false, errors.New("--apply and --dry-run cannot be combined")
	}
	list, err := readSettings(c, source)
	if err != nil {
		return false, err
	}
	served, err := servedTypes(c)
	if err != nil {
		return false, err
	}
	only, _ := c.Flags().GetStringSlice("project") // the flag is defined
	report := importReport{DryRun: !c.is("apply"), Items: []imported{}}
	seen := make(map[string]bool)
	for i := range list {
		s := &list[i]
		if len(only) > 0 && !slices.Contains(only, s.Project) {
			continue
		}
		item, err := importOne(c, s, served, seen)
		if err != nil {
			// What was done so far is still reported.
			return false, errors.Join(report.print(c), fmt.Errorf("importing %s: %w", printable(s.WebhookID()), err))
		}
		report.add(item)
	}
	return c.is("apply") && report.Refused > 0, report.print(c)
}

func (r *importReport) add(item imported) {
	r.Items = append(r.Items, item)
	switch item.Result {
	case wasImported:
		r.Imported++
	case wasUnchanged:
		r.Unchanged++
	default:
		r.Refused++
	}
}

func (r *importReport) print(c *call) error {
	if c.is("json") {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return c.print(text)
	}
	rows := [][]string{{"RESULT", "PROJECT", "WEBHOOK ID", "ALIAS", "REASON"}}
	for _, item := range r.Items {
		reason := strings.Join(append([]string{item.Reason}, item.Notes...), "; ")
		rows = append(rows, []string{item.Result, item.Project, item.WebhookID, item.Alias, strings.TrimPrefix(reason, "; ")})
	}
	if err := c.table(rows); err != nil {
		return err
	}
	if r.DryRun {
		c.say("nothing was changed: %d would be imported, %d unchanged, %d refused; add --apply to import", r.Imported, r.Unchanged, r.Refused)
		return nil
	}
	c.say("%d imported, %d unchanged, %d refused", r.Imported, r.Unchanged, r.Refused)
	return nil
}

// readSettings reads the source. An address begins with a scheme.
func readSettings(c *call, source string) ([]settings.Setting, error) {
	if strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://") {
		token, err := platformToken(c)
		if err != nil {
			return nil, err
		}
		transport := &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
		}
		defer transport.CloseIdleConnections()
		return settings.Fetch(c.ctx, transport, source, token)
	}
	from, name := c.InOrStdin(), "standard input"
	if source != "-" {
		file, err := os.Open(source)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from, name = file, source
	}
	list, err := settings.Read(from)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return list, nil
}

// platformToken reads the token from a file or from the environment.
func platformToken(c *call) (string, error) {
	name := c.text("token-file")
	if name == "" {
		if token := strings.TrimSpace(os.Getenv(tokenVariable)); token != "" {
			return token, nil
		}
		return "", fmt.Errorf("the platform's access token is missing: give --token-file, or set %s", tokenVariable)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("reading %s: it is empty", name)
	}
	return token, nil
}

// servedTypes are the resource types that a trigger serves here, or nil if
// unknown.
func servedTypes(c *call) ([]string, error) {
	text, err := c.read(request{method: http.MethodGet, path: path("status")})
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusForbidden {
		return nil, nil // a project administrator
	}
	if err != nil {
		return nil, err
	}
	var status adminapi.Status
	if err := json.Unmarshal(text, &status); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	served := make([]string, 0, len(status.Triggers))
	for _, trigger := range status.Triggers {
		served = append(served, trigger.ResourceType)
	}
	return served, nil
}

// importOne imports one integration. An error comes from the admin endpoint and
// does not concern the integration.
func importOne(c *call, s *settings.Setting, served []string, seen map[string]bool) (imported, error) {
	item := imported{Project: s.Project, WebhookID: s.WebhookID(), Alias: s.Alias, Result: wasRefused}
	form, notes, refusal := s.Form()
	switch {
	case refusal != "":
		item.Reason = refusal
		return item, nil
	case seen[form.WebhookID]:
		item.Reason = "another integration in the list has the same webhook ID"
		return item, nil
	case served != nil && !slices.Contains(served, form.Resource.Type):
		item.Reason = "no trigger here serves the resource type " + form.Resource.Type
		return item, nil
	}
	seen[form.WebhookID] = true
	item.Notes = notes
	existing, err := existingForm(c, s.Project, form.WebhookID)
	if err != nil {
		return item.unless(err)
	}
	if existing == nil {
		return c.write(item, http.MethodPost, integrationPath(s.Project), kindJSON, form)
	}
	differences := existing.differences(form)
	switch {
	case existing.ManagedBy == "config":
		item.Reason = "it is declared in the configuration here"
	case !c.is("overwrite") && len(differences) == 0:
		item.Result, item.Reason = wasUnchanged, "as far as can be seen: secrets cannot be compared"
	case !c.is("overwrite"):
		item.Reason = "it exists here and differs in " + strings.Join(differences, ", ") + ": --overwrite replaces them"
	default:
		item.Reason = "replaces " + cmp.Or(strings.Join(differences, ", "), "the secret")
		return c.write(item, http.MethodPatch, integrationPath(s.Project, form.WebhookID), kindPatch, form)
	}
	return item, nil
}

// write creates or changes an integration, unless this is a dry run. What the
// admin API refuses is refused.
func (c *call) write(item imported, method, target, kind string, form *settings.Form) (imported, error) {
	item.Result = wasImported
	if !c.is("apply") {
		return item, nil
	}
	body, err := json.Marshal(form)
	if err != nil {
		return item, err
	}
	_, err = c.read(request{method: method, path: target, kind: kind, body: body})
	return item.unless(err)
}

// unless returns the item if the admin API has accepted it, or else with the
// API's reason. What concerns more than this item is an error.
func (item imported) unless(err error) (imported, error) {
	var refused *refusal
	if errors.As(err, &refused) && refused.status < 500 {
		item.Result, item.Reason = wasRefused, strings.Join(strings.Fields(refused.text), " ")
		return item, nil
	}
	return item, err
}

// present is an integration as it exists here.
type present struct {
	settings.Form
	ManagedBy string          `json:"managed_by"`
	Resource  json.RawMessage `json:"resource"` // one or several
}

// existingForm reads the integration, or returns nil if there is none.
func existingForm(c *call, project, webhookID string) (*present, error) {
	text, err := c.read(request{method: http.MethodGet, path: integrationPath(project, webhookID)})
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	existing := new(present)
	if err := json.Unmarshal(text, existing); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return existing, nil
}

// differences returns the fields that the import would change.
func (p *present) differences(form *settings.Form) []string {
	var names []string
	differ := func(name string, differs bool) {
		if differs {
			names = append(names, name)
		}
	}
	here, there := p.Authentication, form.Authentication
	differ("alias", p.Alias != form.Alias)
	differ("is_enabled", p.IsEnabled != form.IsEnabled)
	differ("authentication.signature", provider(here.Signature) != provider(there.Signature))
	differ("authentication.secure_header", !strings.EqualFold(header(here.SecureHeader), header(there.SecureHeader)))
	differ("authentication.require_sha256_signature", there.RequireSHA256 != nil && (here.RequireSHA256 == nil || *here.RequireSHA256 != *there.RequireSHA256))
	differ("event_filter", !slices.Equal(p.EventFilter, form.EventFilter))
	var resource settings.Resource
	differ("resource", json.Unmarshal(p.Resource, &resource) != nil || resource != form.Resource)
	return names
}

func provider(s *settings.Signature) string {
	if s == nil {
		return ""
	}
	return s.Provider
}

func header(h *settings.SecureHeader) string {
	if h == nil {
		return ""
	}
	return h.Name
}
