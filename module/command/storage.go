package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/module/storage"
)

func restoreCommand() *cobra.Command {
	return leaf("restore BACKUP", "Creates the storage from a backup, if there is none; - is standard input",
		`  hookgate webhooks restore --config /etc/hookgate/Caddyfile hookgate.tar`, cobra.ExactArgs(1), restore)
}

func rotateKeyCommand() *cobra.Command {
	return leaf("rotate-key", "Puts a new encryption key in front of the generated one; it is used after a restart",
		`  hookgate webhooks rotate-key --config /etc/hookgate/Caddyfile`, cobra.NoArgs, rotateKey)
}

// storageHost loads a storage as the app does.
type storageHost struct {
	StorageRaw json.RawMessage `json:"storage" caddy:"namespace=webhooks.storage inline_key=module"`
}

// storage returns the configured storage. It is not open.
func (c *call) storage() (storage.Storage, error) {
	var config struct {
		Apps struct {
			Webhooks storageHost `json:"webhooks"`
		} `json:"apps"`
	}
	ctx, err := quiet()
	if err != nil {
		return nil, fmt.Errorf("finding the storage: %w", err)
	}
	if name := c.text("config"); name != "" {
		text, _, _, err := caddycmd.LoadConfig(name, c.text("adapter"))
		if err != nil {
			return nil, fmt.Errorf("finding the storage: %w", err)
		}
		if err := json.Unmarshal(text, &config); err != nil {
			return nil, fmt.Errorf("finding the storage in %s: %w", name, err)
		}
	}
	host := &config.Apps.Webhooks
	if len(host.StorageRaw) == 0 || string(host.StorageRaw) == "null" {
		host.StorageRaw = json.RawMessage(`{"module":"badger"}`)
	}
	loaded, err := ctx.LoadModule(host, "StorageRaw")
	if err != nil {
		return nil, fmt.Errorf("finding the storage: %w", err)
	}
	return loaded.(storage.Storage), nil
}

// quiet reduces logging to errors from now on, and returns the context that
// modules are loaded in.
func quiet() (caddy.Context, error) {
	return caddy.ProvisionContext(&caddy.Config{Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "ERROR"}},
	}}})
}

func restore(c *call, args []string) error {
	found, err := c.storage()
	if err != nil {
		return err
	}
	restorer, ok := found.(storage.Restorer)
	if !ok {
		return errors.New("the storage of this configuration does not support restoring")
	}
	from := c.InOrStdin()
	if args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	restored, err := restorer.Restore(c.ctx, from)
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	return c.tell(found.Key(), restored)
}

// tell reports what was restored.
func (c *call) tell(place string, r storage.Restored) error {
	if c.is("json") {
		text, err := json.Marshal(map[string]any{
			"storage": place, "created": r.Created, "integrations": r.Integrations,
			"pending": r.Pending, "failed": r.Failed, "damaged": r.Damaged,
		})
		if err != nil {
			return err
		}
		return c.print(text)
	}
	c.say("restored %s as it was at %s: %d integrations, %d pending and %d failed events",
		place, r.Created.Format("2006-01-02 15:04:05 MST"), r.Integrations, r.Pending, r.Failed)
	if r.Damaged {
		c.say("the storage was damaged when the backup was made: its log says what is lost")
	}
	return nil
}

func rotateKey(c *call, _ []string) error {
	found, err := c.storage()
	if err != nil {
		return err
	}
	rotator, ok := found.(storage.KeyRotator)
	if !ok {
		return errors.New("the storage of this configuration has no key of its own")
	}
	file, id, err := rotator.RotateKey()
	if err != nil {
		return fmt.Errorf("rotating the key: %w", err)
	}
	if c.is("json") {
		text, err := json.Marshal(map[string]string{"file": file, "id": id})
		if err != nil {
			return err
		}
		return c.print(text)
	}
	fmt.Fprintf(c.out, rotated, id, file)
	return nil
}

const rotated = `the key %s stands first in %s now
restart the server to put it to use (a reload does not), and keep a copy of the file;
an old key may be removed from it once "hookgate webhooks status" calls it unused
`
