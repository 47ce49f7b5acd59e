package codemietest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Setting is an integration of the platform, of any kind.
type Setting struct {
	Project, Alias string

	// Type is the credential_type, such as "Webhook".
	Type string

	Values []Value
}

// Value is a value of a setting. The platform masks what it considers secret:
// for a webhook, only secure_header_value.
type Value struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// Mask stands for a secret that the platform does not reveal.
const Mask = "**********"

// AddSetting adds a setting. The newest is listed first.
func (p *Platform) AddSetting(s Setting) {
	p.set(func() { p.settings = append([]Setting{s}, p.settings...) })
}

func (p *Platform) listSettings(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var filters struct {
		Type string `json:"type"`
	}
	if text := query.Get("filters"); text != "" && json.Unmarshal([]byte(text), &filters) != nil {
		writeError(w, http.StatusUnprocessableEntity, "filters: JSON decode error")
		return
	}
	list := []any{}
	for i, setting := range p.settings {
		if filters.Type != "" && filters.Type != setting.Type {
			continue
		}
		values := make([]Value, len(setting.Values))
		for i, value := range setting.Values {
			if values[i] = value; value.Key == "secure_header_value" && value.Value != "" {
				values[i].Value = Mask
			}
		}
		list = append(list, map[string]any{
			"id": "setting-" + strconv.Itoa(i), "project_name": setting.Project, "alias": setting.Alias,
			"credential_type": setting.Type, "credential_values": values, "setting_type": "project",
		})
	}
	page, size := number(query.Get("page"), 0), max(number(query.Get("per_page"), 10), 1)
	total := len(list)
	writeJSON(w, http.StatusOK, map[string]any{
		"data": list[min(page*size, total):min((page+1)*size, total)],
		"pagination": map[string]int{
			"page": page, "per_page": size, "total": total, "pages": (total + size - 1) / size,
		},
	})
}

func number(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return n
	}
	return otherwise
}
