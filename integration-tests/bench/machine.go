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
	fmt.Printf("; wrk with %d threads and %d connections, %d rounds of %s\n", s.threads, s.connections, s.rounds, s.time)
}

// measureDisk prints how long the disk takes to sync a group of events, with
// nothing else going on: 64 KiB written and synced as the event log does it.
func measureDisk(dir string) error {
	const group, count = 64 << 10, 500
	path := filepath.Join(dir, "disk")
	file, err := segment.OS{}.Create(path, group*count)
	if err != nil {
		return fmt.Errorf("measuring the disk: %w", err)
	}
	defer os.Remove(path)
	defer file.Close()
	took := make([]time.Duration, count)
	data := make([]byte, group)
	for i := range took {
		start := time.Now()
		if _, err := file.WriteAt(data, int64(i)*group); err != nil {
			return fmt.Errorf("measuring the disk: %w", err)
		}
		if err := file.Sync(); err != nil {
			return fmt.Errorf("measuring the disk: %w", err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	fmt.Printf("disk: 64 KiB written and synced in %.2f ms, p99 %.2f ms\n\n",
		took[count/2].Seconds()*1000, took[count*99/100].Seconds()*1000)
	return nil
}
