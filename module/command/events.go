package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/module/storage"
)

func eventsCommand() *cobra.Command {
	list := leaf("list PROJECT WEBHOOK_ID", "Lists the stored events of an integration, newest first",
		"  hookgate webhooks events list demo github-issues --status failed", cobra.ExactArgs(2), listEvents)
	list.Flags().String("status", "", "Only pending, delivered or failed ones")
	list.Flags().Int("limit", 50, "How many at most; 0 means all")
	get := leaf("get PROJECT WEBHOOK_ID EVENT_ID", "Shows an event as JSON, with its headers and attempts",
		"  hookgate webhooks events get demo github-issues 06H3CY2J7Q3V0K4T4R9M3W8ZXC --body > payload.json", cobra.ExactArgs(3), getEvent)
	get.Flags().Bool("body", false, "Write only its body, as it was received")
	return group("events", "Lists and shows stored events", list, get)
}

// last describes how the last attempt ended, or the state of the run in
// progress.
func last(e *adminapi.Event) string {
	if e.Run != nil && e.Status == storage.Pending {
		text := strings.Join([]string{e.Run.Kind, e.Run.ID, e.Run.State}, " ")
		if !e.Run.Until.IsZero() {
			text += " until " + e.Run.Until.Format(time.RFC3339)
		}
		return text
	}
	if len(e.Attempts) == 0 {
		return "-"
	}
	a := e.Attempts[len(e.Attempts)-1]
	text := a.Error
	if text == "" {
		text = "ok"
	}
	if a.StatusCode != 0 {
		text += fmt.Sprintf(" %d", a.StatusCode)
	}
	if a.Detail != "" {
		text += " " + a.Detail
	}
	return text
}

func eventPath(project, webhookID string, below ...string) string {
	return integrationPath(project, append([]string{webhookID, "events"}, below...)...)
}

func listEvents(c *call, args []string) error {
	query := url.Values{}
	if status := c.text("status"); status != "" {
		query.Set("status", status)
	}
	items, err := c.list(eventPath(args[0], args[1]), query, c.number("limit"))
	if err != nil {
		return err
	}
	if c.is("json") {
		return c.printItems(items)
	}
	rows := [][]string{{"EVENT ID", "RECEIVED", "EVENT", "STATUS", "ATTEMPTS", "LAST", "DELIVERY ID", "RESOURCE"}}
	for _, item := range items {
		var e adminapi.Event
		if err := json.Unmarshal(item, &e); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		status := string(e.Status)
		if e.Held {
			status += ", held"
		}
		if e.ReplayOf != nil {
			status += ", a replay"
		}
		rows = append(rows, []string{e.ID, e.ReceivedAt.String(), e.Event, status, fmt.Sprint(len(e.Attempts)), last(&e), e.DeliveryID, e.Resource.Type + " " + e.Resource.ID})
	}
	return c.table(rows)
}

func getEvent(c *call, args []string) error {
	text, err := c.read(request{method: http.MethodGet, path: eventPath(args[0], args[1], args[2])})
	if err != nil {
		return err
	}
	if !c.is("body") {
		return c.print(text)
	}
	var whole adminapi.WholeEvent
	if err := json.Unmarshal(text, &whole); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	_, err = c.out.Write(whole.Body)
	return err
}
