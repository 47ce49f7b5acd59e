// Package settings reads the webhook integrations that the CodeMie platform
// keeps among its settings, and converts them to integrations here.
package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxBytes bounds all that is read from one source, maxSettings the number of
	// settings of any type.
	maxBytes    = 64 << 20
	maxSettings = 100_000

	maxNote = 200 // characters quoted from the platform
)

// Setting is a webhook integration as the platform lists it.
type Setting struct {
	ID      string
	Project string
	Alias   string
	values  map[string]any
}

// setting is a setting as it is written.
type setting struct {
	ID      any             `json:"id"`
	Project any             `json:"project_name"`
	Alias   any             `json:"alias"`
	Type    string          `json:"credential_type"`
	Values  json.RawMessage `json:"credential_values"`
}

// page is the platform's answer: a page of a list.
type page struct {
	Data       []setting `json:"data"`
	Pagination struct {
		Pages int `json:"pages"`
	} `json:"pagination"`
}

// list collects the webhooks among the settings. The same one may occur twice
// if the platform's list moves between two pages.
type list struct {
	settings int
	seen     map[string]bool
	webhooks []Setting
}

// Read reads the platform's answer: one page of its list, several pages
// concatenated, or the bare list.
func Read(from io.Reader) ([]Setting, error) {
	bounded := &io.LimitedReader{R: from, N: maxBytes + 1}
	decoder := json.NewDecoder(bounded)
	var l list
	for n := 0; ; n++ {
		var document json.RawMessage
		err := decoder.Decode(&document)
		switch {
		case bounded.N <= 0:
			return nil, fmt.Errorf("the list is larger than %d MiB", maxBytes>>20)
		case errors.Is(err, io.EOF) && n > 0:
			return l.webhooks, nil
		case err != nil:
			return nil, errors.New("this is not a list of the platform's settings: it must be JSON")
		}
		if _, err := l.document(document); err != nil {
			return nil, err
		}
	}
}

// document adds a page, or a bare list, and returns the number of pages.
func (l *list) document(text []byte) (pages int, err error) {
	if strings.HasPrefix(strings.TrimSpace(string(text[:min(len(text), 64)])), "[") {
		var bare []setting
		if err := json.Unmarshal(text, &bare); err != nil {
			return 0, errors.New("this is not a list of the platform's settings")
		}
		return 1, l.add(bare)
	}
	var p page
	if err := json.Unmarshal(text, &p); err != nil || p.Data == nil {
		return 0, errors.New("this is not a list of the platform's settings: the member data is missing")
	}
	return p.Pagination.Pages, l.add(p.Data)
}

func (l *list) add(settings []setting) error {
	if l.settings += len(settings); l.settings > maxSettings {
		return fmt.Errorf("the list has more than %d settings", maxSettings)
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	for _, s := range settings {
		id, _ := s.ID.(string)
		if s.Type != "Webhook" || id != "" && l.seen[id] {
			continue
		}
		l.seen[id] = true
		l.webhooks = append(l.webhooks, s.read(id))
	}
	return nil
}

// read extracts the values. A value in a form that the platform does not use
// counts as missing.
func (s *setting) read(id string) Setting {
	w := Setting{ID: id, values: make(map[string]any)}
	w.Project, _ = s.Project.(string)
	w.Alias, _ = s.Alias.(string)
	var values []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	if json.Unmarshal(s.Values, &values) != nil {
		return w
	}
	for _, v := range values {
		// Of several the platform uses the first.
		if _, known := w.values[v.Key]; !known {
			w.values[v.Key] = v.Value
		}
	}
	return w
}
