package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/adminapi"
)

func replayCommand() *cobra.Command {
	cmd := leaf("replay PROJECT WEBHOOK_ID [EVENT_ID]", "Replays stored events as new ones: one, or those selected by flags",
		`  hookgate webhooks replay demo github-issues 06H3CY2J7Q3V0K4T4R9M3W8ZXC
  hookgate webhooks replay demo github-issues --from 2h --dry-run
  hookgate webhooks replay demo github-issues --status failed --from 2026-11-23T13:00:00Z --to 2026-11-23T15:00:00Z`,
		cobra.RangeArgs(2, 3), replay)
	flags := cmd.Flags()
	flags.String("status", "failed", "Failed or delivered ones")
	flags.String("from", "", "Received at or after this time (RFC 3339), or this long ago, such as 2h30m")
	flags.String("to", "", "Received before this time")
	flags.String("event", "", "Of this type")
	flags.Int("limit", 1000, "How many at most, up to 10000, oldest first")
	flags.Bool("all", false, "All failed events, if no other flag selects some")
	flags.Bool("dry-run", false, "Only count")
	return cmd
}

// selectors are the flags that select events.
var selectors = []string{"status", "from", "to", "event", "limit", "all", "dry-run"}

func replay(c *call, args []string) error {
	selected := 0
	for _, name := range selectors {
		if c.Flags().Changed(name) {
			selected++
		}
	}
	switch {
	case len(args) == 3 && selected > 0:
		return errors.New("give either the ID of one event or flags that select some")
	case len(args) == 3:
		return replayOne(c, args)
	case selected == 0:
		return errors.New("give the ID of an event, or flags that select some; --all selects all failed ones")
	}
	return replayMany(c, args)
}

func replayOne(c *call, args []string) error {
	a, printed, err := ask[adminapi.Event](c, request{method: http.MethodPost, path: eventPath(args[0], args[1], args[2], "replay")})
	if err != nil || printed {
		return err
	}
	c.say("replayed as %s", a.ID)
	return nil
}

func replayMany(c *call, args []string) error {
	selection := map[string]any{"status": c.text("status"), "limit": c.number("limit"), "dry_run": c.is("dry-run")}
	if event := c.text("event"); event != "" {
		selection["event"] = event
	}
	for _, name := range []string{"from", "to"} {
		at, err := when(c.text(name), time.Now())
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		if at != "" {
			selection[name] = at
		}
	}
	body, err := json.Marshal(selection)
	if err != nil {
		return err
	}
	a, printed, err := ask[adminapi.Replayed](c, request{method: http.MethodPost, path: integrationPath(args[0], args[1], "replay"), kind: kindJSON, body: body})
	if err != nil || printed {
		return err
	}
	if c.is("dry-run") {
		c.say("%d selected, %d of them already replayed", a.Matched, a.Skipped)
		return nil
	}
	c.say("%d selected, %d replayed, %d skipped", a.Matched, a.Replayed, a.Skipped)
	if left := a.Matched - a.Replayed - a.Skipped; left > 0 {
		c.say("%d more exceed the limit: repeat the command to continue with them", left)
	}
	return nil
}

// when parses a time, or how long ago it was.
func when(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago).UTC().Format(time.RFC3339Nano), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return "", fmt.Errorf("%q is neither a time such as 2026-11-23T13:00:00Z nor a duration such as 2h", text)
	}
	return text, nil
}
