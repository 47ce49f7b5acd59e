// Command senderdocs writes docs/senders from the table of senders: an index
// and a page for each sender. Run `go generate ./internal/sender`.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: senderdocs FOLDER")
		os.Exit(2)
	}
	for name, text := range pages() {
		if err := os.WriteFile(filepath.Join(os.Args[1], name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// pages returns the text of each file by its name.
func pages() map[string]string {
	all := map[string]string{"README.md": wrap(index())}
	for _, s := range sender.Senders() {
		all[s.Name+".md"] = wrap(page(&s))
	}
	return all
}

func index() string {
	var b strings.Builder
	b.WriteString(`# Senders

One page for each provider, generated from the table that the gateway itself uses. For any other sender: ` + "`secure_header`" + `,
` + "`basic`" + ` or ` + "`bearer`" + `; see [what every sender needs](../senders.md).

| provider | sender | authenticates with |
|---|---|---|
`)
	for _, s := range sender.Senders() {
		fmt.Fprintf(&b, "| [`%s`](%s.md) | %s | %s |\n", s.Name, s.Name, s.Title, proof(&s, &s.Schemes[0]))
	}
	b.WriteString("\n## Not included\n\nA sender is included only if its own documents or library describe what it signs or sends as a credential. These are left out:\n\n")
	b.WriteString("| sender | why |\n|---|---|\n")
	for _, m := range missing {
		fmt.Fprintf(&b, "| %s | %s |\n", m.sender, m.why)
	}
	return b.String()
}

// missing lists the senders that have no provider, with the reason.
var missing = []struct{ sender, why string }{
	{"Docker Hub", "it sends no credential at all. It knows only the URL: a generated `webhook_id` has 128 random bits, but it appears in the logs of proxies and is not a credential. " +
		"If you must, restrict it with `source_ips` to the addresses that you see it call from, use a separate integration for it, and let the trigger ask Docker Hub's API what has really changed"},
}

func page(s *sender.Sender) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nProvider `%s`. The sender's own documentation: <%s>\n", s.Title, s.Name, s.Docs)
	fmt.Fprintf(&b, "\n## Where to click\n\n%s.\n\nThe URL is the integration's `webhook_url`; the secret %s.\n", strings.TrimSuffix(s.Setup, "."), secretOrigin(s))
	declared, created := "Caddyfile, in the global option `webhooks`", "Admin API, `POST /webhooks/projects/demo/integrations`"
	if learns(s) {
		declared += ", with a secret that you already know"
		created += ", with such a secret too; to open the window, leave `secrets` out"
	}
	fmt.Fprintf(&b, "\n## What to paste\n\n%s:\n\n```caddyfile\nintegration my-%s {\n\tproject demo\n\tsignature %s {env.%s_SECRET}\n%s\tresource assistant 8f0c6f0e\n}\n```\n",
		declared, s.Name, s.Name, envName(s.Name), filterLine(s))
	fmt.Fprintf(&b, "\n%s:\n\n```json\n%s\n```\n", created, adminJSON(s))
	fmt.Fprintf(&b, "\n## What arrives\n\n%s", arrives(s))
	fmt.Fprintf(&b, "\n## How it delivers\n\n%s", delivers(&s.Delivers))
	fmt.Fprintf(&b, "\n## What is checked\n\n%s", checked(s))
	if text := handshakes(s); text != "" {
		fmt.Fprintf(&b, "\n## Handshake\n\n%s", text)
	}
	if lines := limits(s); len(lines) > 0 {
		fmt.Fprintf(&b, "\n## Limits\n\n- %s\n", strings.Join(lines, "\n- "))
	}
	return b.String()
}

// secretOrigin returns where the secret comes from.
func secretOrigin(s *sender.Sender) string {
	if learns(s) {
		return "comes from the sender itself, with its first request: create the integration without one, open " +
			"[the window](../admin.md#secrets-chosen-by-the-sender) for it, click, and confirm what came"
	}
	return "is " + secretText(s)
}

// learns reports whether the sender chooses its secret itself.
func learns(s *sender.Sender) bool {
	return slices.ContainsFunc(s.Handshakes, func(h provider.Handshake) bool { return h.Learn != nil })
}

func envName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

func filterLine(s *sender.Sender) string {
	if s.Sample == "" || len(s.Event) == 0 {
		return ""
	}
	if strings.Contains(s.Sample, " ") {
		return "\tevent_filter \"" + s.Sample + "\"\n"
	}
	return "\tevent_filter " + s.Sample + "\n"
}

func adminJSON(s *sender.Sender) string {
	filter := ""
	if s.Sample != "" && len(s.Event) > 0 {
		filter = fmt.Sprintf("\n  \"event_filter\": [%q],", s.Sample)
	}
	return fmt.Sprintf(`{
  "webhook_id": "my-%s",
  "authentication": {"signature": {"provider": "%s", "secrets": ["…"]}},%s
  "resource": {"type": "assistant", "id": "8f0c6f0e"}
}`, s.Name, s.Name, filter)
}
