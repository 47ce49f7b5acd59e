package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/fsutil"
)

func backupCommand() *cobra.Command {
	cmd := leaf("backup [--output FILE]", "Writes a backup of all integrations and events of the running server",
		`  hookgate webhooks backup --output hookgate.tar
  hookgate webhooks backup | ssh backup.example.com 'cat > hookgate.tar'`, cobra.NoArgs, backup)
	cmd.Flags().StringP("output", "o", "-", "File to write, which must not exist; - is standard output, unless that is a terminal")
	return cmd
}

func backup(c *call, _ []string) error {
	name := c.text("output")
	if name == "-" {
		if isTerminal(c.out) {
			return errors.New("a backup is not written to a terminal: give a file with --output")
		}
		_, err := c.download(c.out)
		return err
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s already exists", name), err)
	}
	n, err := c.downloadTo(name)
	if err != nil {
		return err
	}
	if !c.is("json") {
		c.say("%s, %s; the key is not in it", name, size(n))
	}
	return nil
}

// download writes the backup to out. A truncated backup is an error.
func (c *call) download(out io.Writer) (int64, error) {
	response, err := c.do(request{method: http.MethodGet, path: path("backup")})
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.Copy(out, response.Body)
	if err != nil {
		return n, fmt.Errorf("writing the backup: %w; what was written is incomplete", err)
	}
	return n, nil
}

// downloadTo writes the backup to a file, complete and on disk, or leaves none.
func (c *call) downloadTo(name string) (n int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".part-*") // mode 0600
	if err != nil {
		return 0, err
	}
	n, err = c.download(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Link(file.Name(), name) // never over another file
	}
	if err = errors.Join(err, os.Remove(file.Name())); err != nil {
		return n, err
	}
	return n, fsutil.SyncDir(filepath.Dir(name))
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
