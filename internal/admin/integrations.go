package admin

import (
	"net/http"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// listIntegrations lists those of a project, or all if the path names none.
func (c *call) listIntegrations() error {
	query, err := c.query()
	if err != nil {
		return err
	}
	size, err := limit(query)
	if err != nil {
		return err
	}
	scope := []string{"integrations", c.project}
	place, err := decodeCursor(query.Get("cursor"), scope)
	if err != nil {
		return err
	}
	var after storage.Place
	if place != nil {
		if len(place) != 2 || !integration.ValidProject(place[0]) || !integration.ValidWebhookID(place[1]) {
			return badCursor
		}
		after = storage.Place{Project: place[0], WebhookID: place[1]}
	}
	page := newPage(c)
	if c.project != "" {
		of, err := c.Service.Usage(c.r.Context(), c.project)
		if err != nil {
			return err
		}
		if of != nil {
			page.usage = &adminapi.Usage{Integrations: of.Integrations, ReservedIDs: of.ReservedIDs, Bytes: of.Bytes}
		}
	}
	var last *integration.Integration
	for in, err := range c.Service.List(c.r.Context(), c.View, c.project, after) {
		if err != nil {
			return err
		}
		if page.items == size {
			page.cursor = encodeCursor(scope, []string{last.Project, last.WebhookID})
			break
		}
		if err := page.add(in.Mask(c.Base(in.Project))); err != nil {
			return err
		}
		last = in
	}
	return page.end()
}

func (c *call) createIntegration() error {
	text, err := c.body()
	if err != nil {
		return err
	}
	in, err := c.Service.Create(c.r.Context(), c.View, c.project, text)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/webhooks/projects/"+in.Project+"/integrations/"+in.WebhookID)
	c.showWritten(http.StatusCreated, in)
	return nil
}

func (c *call) getIntegration() error {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	c.show(http.StatusOK, in)
	return nil
}

func (c *call) putIntegration() error {
	text, err := c.body()
	if err != nil {
		return err
	}
	in, created, err := c.Service.Put(c.r.Context(), c.View, c.project, c.webhookID, text, c.precondition())
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	c.showWritten(status, in)
	return nil
}

func (c *call) patchIntegration() error {
	text, err := c.body()
	if err != nil {
		return err
	}
	in, err := c.Service.Patch(c.r.Context(), c.View, c.project, c.webhookID, text, c.precondition())
	if err != nil {
		return err
	}
	c.showWritten(http.StatusOK, in)
	return nil
}

func (c *call) deleteIntegration() error {
	query, err := c.query()
	if err != nil {
		return err
	}
	force := query.Get("force")
	if force != "" && force != "true" && force != "false" {
		return badRequest("force: must be true or false")
	}
	if err := c.Service.Delete(c.r.Context(), c.View, c.project, c.webhookID, force == "true", c.precondition()); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// show answers with an integration, with its secrets masked.
func (c *call) show(status int, in *integration.Integration) {
	c.w.Header().Set("ETag", in.ETag())
	c.answer(status, in.Mask(c.Base(in.Project)))
}

// written is an integration as it was written, with warnings.
type written struct {
	*integration.Masked
	Warnings []integration.Warning `json:"warnings,omitempty"`
}

func (c *call) showWritten(status int, in *integration.Integration) {
	c.w.Header().Set("ETag", in.ETag())
	c.answer(status, written{in.Mask(c.Base(in.Project)), c.View.Rules.Warnings(in)})
}
