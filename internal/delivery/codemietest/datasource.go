package codemietest

import (
	"fmt"
	"net/http"
	"strings"
)

// Datasource is a datasource of the platform.
type Datasource struct {
	ID, Project, Name string

	// Type is the index_type, such as "code" or "knowledge_base_jira".
	Type string

	JQL, XrayJQL, WikiQuery, WikiName, WIQL, AuthType string

	// Busy means that another client is indexing it, for ever.
	Busy bool

	// Error is why the last indexing failed.
	Error string
}

// index is a datasource with the state of its indexing.
type index struct {
	Datasource
	jobs      int // in progress
	looks     int
	changed   int // counts the changes
	reindexed int
	most      int // jobs at once
}

// AddDatasource adds a datasource, or replaces the one with the same ID.
func (p *Platform) AddDatasource(d Datasource) {
	p.set(func() { p.datasources[d.ID] = &index{Datasource: d} })
}

// Reindexed returns how often the datasource was reindexed.
func (p *Platform) Reindexed(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.datasources[id].reindexed
}

// AtOnce returns the highest number of concurrent reindexes of the datasource:
// the platform does not prevent them.
func (p *Platform) AtOnce(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.datasources[id].most
}

// look is one more poll of a job of the datasource. The job is fetched first,
// and then processed, until it has been polled often enough.
func (d *index) look(looks int, failing bool) {
	if d.jobs == 0 {
		return
	}
	if d.looks++; d.looks <= looks {
		return
	}
	d.jobs, d.looks, d.Error = 0, 0, ""
	d.changed++
	if failing {
		d.Error = "Cannot clone the repository: authentication failed"
	}
}

func (p *Platform) index(w http.ResponseWriter, r *http.Request) {
	d, found := p.datasources[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Cannot find datasource by given id: "+r.PathValue("id"))
		return
	}
	d.look(p.looks, p.failing)
	running := d.jobs > 0
	writeJSON(w, http.StatusOK, map[string]any{
		"id": d.ID, "project_name": d.Project, "repo_name": d.Name, "index_type": d.Type,
		"is_fetching": d.Busy || running && d.looks <= 1, "is_queued": false,
		"completed": !d.Busy && !running && d.Error == "", "error": !running && d.Error != "", "text": d.Error,
		"current_state": 3, "complete_state": 10,
		"update_date":            fmt.Sprintf("2026-11-23T13:00:%02d.000000", d.changed%60),
		"jira":                   map[string]any{"jql": d.JQL},
		"xray":                   map[string]any{"jql": d.XrayJQL},
		"azure_devops_wiki":      map[string]any{"wiki_query": d.WikiQuery, "wiki_name": d.WikiName},
		"azure_devops_work_item": map[string]any{"wiql_query": d.WIQL},
		"sharepoint":             map[string]any{"auth_type": d.AuthType},
	})
}

func (p *Platform) reindexCode(w http.ResponseWriter, r *http.Request) {
	d := p.named(r.PathValue("project"), r.PathValue("name"))
	if d == nil {
		Crash(w, r)
		return
	}
	p.begin(w, d, http.StatusCreated, "Full reindexing of datasource None has been started in the background")
}

func (p *Platform) reindexProvider(w http.ResponseWriter, r *http.Request) {
	d, found := p.datasources[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Index not found")
		return
	}
	p.begin(w, d, http.StatusOK, "Reindexing of "+d.Name+" has started in the background")
}

// required are the fields without which the platform would consider a
// datasource changed, or refuse the request.
var required = map[string][]string{
	"jira": {"jql"}, "xray": {"jql"}, "azure_devops_wiki": {"wiki_query", "wiki_name"},
	"azure_devops_work_item": {"wiql_query"}, "confluence": nil, "sharepoint": nil, "google": nil,
}

func (p *Platform) reindexKnowledgeBase(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	fields, known := required[kind]
	if !known {
		http.NotFound(w, r)
		return
	}
	var in map[string]any
	if !read(w, r, &in) {
		return
	}
	for _, field := range append([]string{"name", "project_name"}, fields...) {
		if text, _ := in[field].(string); text == "" {
			writeError(w, http.StatusUnprocessableEntity, field+": Field required")
			return
		}
	}
	d := p.named(in["project_name"].(string), in["name"].(string))
	if d == nil || !strings.HasSuffix(d.Type, "_"+kind) {
		writeError(w, http.StatusNotFound, "Index not found")
		return
	}
	query := r.URL.Query()
	if query.Get("full_reindex") != "true" && query.Get("incremental_reindex") != "true" {
		writeJSON(w, http.StatusOK, map[string]string{"message": "Edit successful"})
		return
	}
	p.begin(w, d, http.StatusOK, "Indexing of datasource "+d.Name+" has been started in the background")
}

func (p *Platform) named(project, name string) *index {
	for _, d := range p.datasources {
		if d.Project == project && d.Name == name {
			return d
		}
	}
	return nil
}

func (p *Platform) begin(w http.ResponseWriter, d *index, status int, message string) {
	if p.silent {
		writeJSON(w, http.StatusOK, map[string]string{"message": "Edit successful"})
		return
	}
	d.reindexed++
	d.jobs++
	d.looks = 0
	d.changed++
	d.most = max(d.most, d.jobs)
	writeJSON(w, status, map[string]string{"message": message})
}
