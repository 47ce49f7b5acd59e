package eventlog

import (
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
)

// Options of a log. Dir and Key are required.
type Options struct {
	// Dir is made when it does not exist. One process uses it at a time.
	Dir string
	Key seal.Key
	// Logger defaults to none.
	Logger *zap.Logger

	// SegmentSize in bytes; default 64 MiB. A larger record gets a larger
	// segment, and a nearly full disk a smaller one.
	SegmentSize int64
	// GroupSize bounds in bytes what is written before a sync, unless one
	// record is larger; default 8 MiB.
	GroupSize int64
	// MinFree is how many bytes of the disk stay free of new events, beside
	// what the index needs (20 MiB, and more as it grows, up to 116): default 0.
	MinFree int64
	// FlushEvery is how often the index follows; default 2 s, and sooner when
	// it is a quarter of MaxBehind behind. An event that is delivered before
	// then costs it one write.
	FlushEvery time.Duration
	// MaxBehind is how many events the index may be behind, in memory;
	// default 50,000. Further ones wait for it.
	MaxBehind int
	// MaxBody bounds an event's body in bytes; default 1 GiB.
	MaxBody int64

	// AtLeast is the number of a record that is known to have been durable. That the
	// log ends before it is damage.
	AtLeast uint64

	// chunk is about how many bytes go into the index at once; default 8 MiB.
	chunk int
	// verify is how much of the index is verified before it is used; see there.
	verify int64

	// After a failed write or sync the log tries again after retryMin,
	// doubling to retryMax.
	retryMin, retryMax time.Duration

	disk   segment.Disk
	now    func() time.Time
	uptime func() time.Duration
}

func (o *Options) setDefaults() {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	setDefault(&o.SegmentSize, 64<<20)
	setDefault(&o.GroupSize, 8<<20)
	setDefault(&o.FlushEvery, 2*time.Second)
	setDefault(&o.MaxBehind, 50_000)
	setDefault(&o.MaxBody, 1<<30)
	setDefault(&o.chunk, 8<<20)
	setDefault(&o.retryMin, 100*time.Millisecond)
	setDefault(&o.retryMax, 5*time.Second)
	if o.disk == nil {
		o.disk = segment.OS{}
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.uptime == nil {
		start := time.Now()
		o.uptime = func() time.Duration { return time.Since(start) }
	}
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}
