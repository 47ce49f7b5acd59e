// Package command implements `hookgate webhooks …`: the admin API from a shell,
// and commands for a storage that no server has open.
package command

import (
	"context"
	"os/signal"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "webhooks",
		Short:     "Manages integrations and events",
		Long:      long,
		CobraFunc: complete,
	})
}

const long = `
Manages the integrations, events and storage of a gateway.

Commands that talk to a running server find its admin endpoint by the --address
flag, if given; otherwise in the configuration given by --config; otherwise they
assume the default. The commands restore and rotate-key do not talk to a server;
they find the storage in the configuration given by --config, or assume the
default one.

The output is meant to be read by people; --json prints the admin API's answers,
and for a list the items of all its pages.
`

// complete adds the flags and subcommands.
func complete(cmd *cobra.Command) {
	cmd.Use = "webhooks"
	flags := cmd.PersistentFlags()
	flags.StringP("config", "c", "", "Configuration file that gives the admin endpoint and the storage")
	flags.StringP("adapter", "a", "", "Name of the configuration's adapter")
	flags.String("address", "", "Address of the admin endpoint, if different from the configuration")
	flags.Bool("json", false, "Print JSON")
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(
		statusCommand(),
		integrationsCommand(),
		eventsCommand(),
		replayCommand(),
		testCommand(),
		handshakeCommand(),
		importCommand(),
		backupCommand(),
		restoreCommand(),
		rotateKeyCommand(),
	)
}

// leaf creates a command from a function. An interrupt ends the function.
func leaf(use, short, example string, args cobra.PositionalArgs, run func(c *call, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use:          use,
		Short:        short,
		Example:      example,
		Args:         args,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return interruptible(cmd, func(c *call) error { return run(c, args) })
		},
	}
}

// interruptible runs a command's function, which an interrupt ends.
func interruptible(cmd *cobra.Command, run func(c *call) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return run(&call{Command: cmd, ctx: ctx, out: cmd.OutOrStdout()})
}

// group creates a command that only has subcommands.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(below...)
	return cmd
}
