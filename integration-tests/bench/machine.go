package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// describe prints what the figures depend on.
func describe(s settings) {
	fmt.Printf("%d processors", runtime.NumCPU())
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		fmt.Printf(", %s %s", runtime.GOOS, strings.TrimSpace(string(kernel)))
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf(", load before %s", strings.Fields(string(load))[0])
	}
	fmt.Printf("; wrk with %d threads and %d connections, %d rounds of %s\n\n", s.threads, s.connections, s.rounds, s.time)
}

// synced is how long the disk takes to write and sync that many bytes when it
// is otherwise idle.
type synced struct {
	size     int
	p50, p99 time.Duration
}

// measureDisk writes and syncs like the event log: as many bytes as one event
// of 1 KB has, then groups of 64 events of each size.
func measureDisk(dir string) ([]synced, error) {
	var all []synced
	for _, size := range []int{2 << 10, 64 << 10, 512 << 10} {
		one, err := measureSync(dir, size)
		if err != nil {
			return nil, fmt.Errorf("measuring the disk: %w", err)
		}
		all = append(all, one)
	}
	return all, nil
}

func measureSync(dir string, size int) (synced, error) {
	const count = 500
	path := filepath.Join(dir, "disk")
	file, err := segment.OS{}.Create(path, int64(size)*count)
	if err != nil {
		return synced{}, err
	}
	defer os.Remove(path)
	defer file.Close()
	took := make([]time.Duration, count)
	data := make([]byte, size)
	for i := range took {
		start := time.Now()
		if _, err := file.WriteAt(data, int64(i)*int64(size)); err != nil {
			return synced{}, err
		}
		if err := file.Sync(); err != nil {
			return synced{}, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return synced{size, took[count/2], took[count*99/100]}, nil
}

func (d synced) String() string {
	return fmt.Sprintf("%d KiB in %.2f ms, p99 %.2f ms", d.size>>10, d.p50.Seconds()*1000, d.p99.Seconds()*1000)
}
