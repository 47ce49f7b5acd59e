package main

import "slices"

// rows are all faults, in the order of the table in docs/reliability.md.
var rows = slices.Concat([]row{
	{
		name: "kill", rounds: 100, quick: 5, run: killUnderLoad,
		fault:    "the process is killed at a random moment under load",
		injected: "SIGKILL while events are accepted and delivered; every other round the endpoint is down",
	},
	{
		name: "kill-steps", rounds: 5, quick: 1, run: killAtSteps, needs: needTracer,
		fault:    "the process is killed at each step of append, claim, record, index, next segment and close",
		injected: "strace: SIGKILL at the step's first system call, or after it while its thread is held",
	},
	{
		name: "power", rounds: 20, quick: 3, run: powerCut, needs: needLoop,
		fault:    "the power fails under load",
		injected: "ext4 on a loop device is shut down (FS_IOC_SHUTDOWN without a flush of its journal), mounted again, and the gateway restarted; what it answers after the cut does not count",
	},
	{
		name: "power-control", rounds: 3, quick: 1, run: powerCutControl, needs: slices.Concat(needLoop, needTracer),
		fault:    "control: the same with a disk that only claims to have synced",
		injected: "strace: fdatasync, fsync and msync return 0 and do nothing; if nothing were lost, the row above would prove nothing",
	},
	{
		name: "full", rounds: 3, quick: 1, run: filledByGateway, needs: needLoop,
		fault:    "the gateway fills its disk itself",
		injected: "ext4 of 400 MiB, an endpoint that accepts nothing; then a restart on the full disk; then 96 MiB are freed",
	},
	{
		name: "full-other", rounds: 5, quick: 1, run: filledByOthers, needs: []need{needRoot, needTools("mount", "umount")},
		fault:    "another process fills the disk, under load",
		injected: "tmpfs of 512 MiB, filled to the last byte; then a restart on the full disk; then the space is freed",
	},
	{
		name: "inodes", rounds: 3, quick: 1, run: inodesOut, needs: needLoop,
		fault:    "the file system runs out of inodes",
		injected: "ext4 with 128 inodes, all in use, and events until the next segment is needed",
	},
	{
		name: "read-only", rounds: 5, quick: 1, run: readOnly, needs: needLoop,
		fault:    "the file system turns read-only",
		injected: "ext4 on a loop device, remounted with abort, as ext4 itself does after an error",
	},
	{
		name: "flip", rounds: 200, quick: 20, run: flipBits, needs: []need{needTools("cp")},
		fault:    "one bit of a stored file is flipped",
		injected: "a seeded bit in each kind of file in turn, between a stop or a crash and the next start",
	},
	{
		name: "errors", rounds: 4 * len(failures), quick: len(failures), run: failCalls, needs: slices.Concat(needLoop, needTracer),
		fault:    "write, sync, open, read, rename and allocation of the event log fail with EIO, once or for a while, under load; then the power fails",
		injected: "strace: the call is not made and returns EIO; then FS_IOC_SHUTDOWN as above",
	},
	{
		name: "errors-databases", rounds: 12, quick: 6, run: failDatabases, needs: slices.Concat(needLoop, needTracer),
		fault:    "syncs of the integrations' database fail with EIO after a start, under load, while an integration is written; then the power fails",
		injected: "strace: msync is not made and returns EIO; then FS_IOC_SHUTDOWN as above",
	},
}, backupRows, triggerRows(), neighbourRow, readerRow, expressionRow, uploadRow, longRows)
