package command

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/adminapi"
)

func testCommand() *cobra.Command {
	return leaf("test PROJECT WEBHOOK_ID", "Sends an integration an event as its sender would, and shows the answer",
		"  hookgate webhooks test demo github-issues", cobra.ExactArgs(2), test)
}

func test(c *call, args []string) error {
	a, printed, err := ask[adminapi.Sample](c, request{method: http.MethodPost, path: integrationPath(args[0], args[1], "test")})
	if err != nil || printed {
		return err
	}
	c.say("%d %s", a.StatusCode, printable(string(a.Body)))
	return nil
}
