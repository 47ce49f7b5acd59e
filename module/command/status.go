package command

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/adminapi"
)

func statusCommand() *cobra.Command {
	return leaf("status", "Shows the state of the storage, the events and the triggers",
		"  hookgate webhooks status --address localhost:2019", cobra.NoArgs, status)
}

func status(c *call, _ []string) error {
	s, printed, err := ask[adminapi.Status](c, request{method: http.MethodGet, path: path("status")})
	if err != nil || printed {
		return err
	}
	rows := [][]string{
		{"store", s.Store.State},
		{"pending", fmt.Sprint(s.Events.Pending)},
		{"failed", fmt.Sprint(s.Events.Failed)},
	}
	if disk := s.Store.Disk; disk != nil {
		rows[0][1] += fmt.Sprintf(", %s, %s free", size(disk.SizeBytes), size(disk.FreeBytes))
	}
	if s.Events.Pending > 0 {
		rows[1][1] += fmt.Sprintf(", the oldest for %v", time.Duration(s.Events.OldestPendingSeconds)*time.Second)
	}
	for _, key := range s.Store.Keys {
		rows = append(rows, []string{"key " + key.ID, fmt.Sprintf("%s, %s of events", key.State, size(key.Bytes))})
	}
	for _, trigger := range s.Triggers {
		rows = append(rows, []string{"trigger " + trigger.ResourceType, fmt.Sprintf("%s, %d in flight; open circuits: %d of projects, %d of resources",
			trigger.State, trigger.InFlight, trigger.Open.Projects, trigger.Open.Resources)})
	}
	return c.table(rows)
}
