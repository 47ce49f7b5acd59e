package command

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

const (
	kindJSON  = "application/json"
	kindPatch = "application/merge-patch+json"
)

func integrationsCommand() *cobra.Command {
	list := leaf("list [PROJECT]", "Lists the integrations of a project, or all",
		"  hookgate webhooks integrations list demo", cobra.MaximumNArgs(1), listIntegrations)
	list.Flags().Int("limit", 0, "How many at most (default all)")
	get := leaf("get PROJECT WEBHOOK_ID", "Shows an integration as JSON, with its secrets masked",
		"  hookgate webhooks integrations get demo github-issues", cobra.ExactArgs(2), getIntegration)
	create := leaf("create PROJECT [FILE]", "Creates an integration from JSON in a file or on standard input",
		"  hookgate webhooks integrations create demo github-issues.json", cobra.RangeArgs(1, 2), createIntegration)
	update := leaf("update PROJECT WEBHOOK_ID [FILE]", "Changes the fields in the JSON in a file or on standard input",
		`  echo '{"is_enabled": false}' | hookgate webhooks integrations update demo github-issues`, cobra.RangeArgs(2, 3), updateIntegration)
	update.Flags().Bool("replace", false, "Replace the whole integration: omitted fields take their defaults")
	remove := leaf("delete PROJECT WEBHOOK_ID", "Deletes an integration and its stored events",
		"  hookgate webhooks integrations delete demo github-issues", cobra.ExactArgs(2), deleteIntegration)
	remove.Flags().Bool("force", false, "Discard its pending events too")
	return group("integrations", "Lists, shows, creates, changes and deletes integrations", list, get, create, update, remove)
}

// integration is what a list shows of an integration.
type integration struct {
	WebhookID  string `json:"webhook_id"`
	Project    string `json:"project"`
	Alias      string `json:"alias"`
	IsEnabled  bool   `json:"is_enabled"`
	ManagedBy  string `json:"managed_by"`
	WebhookURL string `json:"webhook_url"`
	Resource   resources
	Warnings   []remark
}

// warn prints the admin API's warnings.
func (c *call) warn(in integration) {
	for _, warning := range in.Warnings {
		c.say("warning: %s", printable(warning.String()))
	}
}

// resources are one object, a list of several, or nothing.
type resources []struct{ Type, ID string }

func (r *resources) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		*r = make(resources, 1)
		return json.Unmarshal(text, &(*r)[0])
	}
	type list resources // without this method
	return json.Unmarshal(text, (*list)(r))
}

func (r resources) String() string {
	texts := make([]string, len(r))
	for i, resource := range r {
		texts[i] = resource.Type + " " + resource.ID
	}
	return cmp.Or(strings.Join(texts, ", "), "-")
}

func integrationPath(project string, below ...string) string {
	return path(append([]string{"projects", project, "integrations"}, below...)...)
}

func listIntegrations(c *call, args []string) error {
	from := path("integrations")
	if len(args) == 1 {
		from = integrationPath(args[0])
	}
	items, err := c.list(from, url.Values{}, c.number("limit"))
	if err != nil {
		return err
	}
	if c.is("json") {
		return c.printItems(items)
	}
	rows := [][]string{{"PROJECT", "WEBHOOK ID", "ENABLED", "RESOURCE", "MANAGED BY", "ALIAS"}}
	for _, item := range items {
		var in integration
		if err := json.Unmarshal(item, &in); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		rows = append(rows, []string{in.Project, in.WebhookID, yes(in.IsEnabled), in.Resource.String(), in.ManagedBy, in.Alias})
	}
	return c.table(rows)
}

func getIntegration(c *call, args []string) error {
	text, err := c.read(request{method: http.MethodGet, path: integrationPath(args[0], args[1])})
	if err != nil {
		return err
	}
	return c.print(text)
}

func createIntegration(c *call, args []string) error {
	body, err := c.input(args[1:])
	if err != nil {
		return err
	}
	in, printed, err := ask[integration](c, request{method: http.MethodPost, path: integrationPath(args[0]), kind: kindJSON, body: body})
	if err != nil || printed {
		return err
	}
	c.say("created %s", in.WebhookID)
	c.say("%s", in.WebhookURL)
	c.warn(in)
	return nil
}

func updateIntegration(c *call, args []string) error {
	body, err := c.input(args[2:])
	if err != nil {
		return err
	}
	r := request{method: http.MethodPatch, path: integrationPath(args[0], args[1]), kind: kindPatch, body: body}
	if c.is("replace") {
		r.method, r.kind = http.MethodPut, kindJSON
	}
	in, printed, err := ask[integration](c, r)
	if err != nil || printed {
		return err
	}
	c.say("changed %s", in.WebhookID)
	c.warn(in)
	return nil
}

func deleteIntegration(c *call, args []string) error {
	query := url.Values{}
	if c.is("force") {
		query.Set("force", "true")
	}
	if _, err := c.read(request{method: http.MethodDelete, path: integrationPath(args[0], args[1]), query: query}); err != nil {
		return err
	}
	if !c.is("json") {
		c.say("deleted %s", args[1])
	}
	return nil
}

// maxInput is what the admin API accepts, plus one byte to detect more.
const maxInput = 1<<20 + 1

// input reads JSON from the named file or from standard input.
func (c *call) input(args []string) ([]byte, error) {
	from, name := c.InOrStdin(), "standard input"
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from, name = file, args[0]
	}
	text, err := io.ReadAll(io.LimitReader(from, maxInput))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if strings.TrimSpace(string(text)) == "" || len(text) == maxInput {
		return nil, fmt.Errorf("reading %s: must be JSON of at most 1 MiB", name)
	}
	return text, nil
}
