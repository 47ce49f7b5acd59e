package match

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// getters are the functions that read a part of a time, and those of them that
// read one of a duration, too.
var getters = map[string]getter{
	overloads.TimeGetFullYear:     {name: overloads.TimeGetFullYear},
	overloads.TimeGetMonth:        {name: overloads.TimeGetMonth},
	overloads.TimeGetDayOfYear:    {name: overloads.TimeGetDayOfYear},
	overloads.TimeGetDate:         {name: overloads.TimeGetDate},
	overloads.TimeGetDayOfMonth:   {name: overloads.TimeGetDayOfMonth},
	overloads.TimeGetDayOfWeek:    {name: overloads.TimeGetDayOfWeek},
	overloads.TimeGetHours:        {overloads.TimeGetHours, true},
	overloads.TimeGetMinutes:      {overloads.TimeGetMinutes, true},
	overloads.TimeGetSeconds:      {overloads.TimeGetSeconds, true},
	overloads.TimeGetMilliseconds: {overloads.TimeGetMilliseconds, true},
}

type getter struct {
	name        string
	ofDurations bool
}

// timeGetter requires a literal time zone: looking one up means reading files.
func timeGetter(get getter, args []part) (step, error) {
	zone := time.UTC
	if len(args) > 1 {
		written, ok := args[1].constant.(types.String)
		if !ok {
			return nil, fmt.Errorf("%s: the time zone must be a literal text", get.name)
		}
		var err error
		if zone, err = zoneOf(string(written)); err != nil {
			return nil, fmt.Errorf("%s: %w", get.name, err)
		}
	}
	return call1(func(_ *run, v value) (value, error) {
		switch v := v.(type) {
		case types.Timestamp:
			return scalar(types.Timestamp{Time: v.In(zone)}.Receive(get.name, "", nil))
		case types.Duration:
			if get.ofDurations && len(args) == 1 {
				return scalar(v.Receive(get.name, "", nil))
			}
		}
		return nil, errOverload
	}, args[0].step), nil
}

// zoneOf returns the time zone with a name, or with an offset such as +02:00.
func zoneOf(text string) (*time.Location, error) {
	hours, minutes, isOffset := strings.Cut(text, ":")
	if !isOffset {
		zone, err := time.LoadLocation(text)
		if err != nil {
			return nil, fmt.Errorf("unknown time zone %.100q", text)
		}
		return zone, nil
	}
	h, err := strconv.Atoi(hours)
	m, wrong := strconv.ParseUint(minutes, 10, 8)
	if err != nil || wrong != nil || h < -23 || h > 23 || m > 59 {
		return nil, errors.New("an offset must be written as +02:00")
	}
	offset := h*60 + int(m)
	if strings.HasPrefix(hours, "-") {
		offset = h*60 - int(m)
	}
	return time.FixedZone("", offset*60), nil
}
