package store

import "go.uber.org/zap"

// renew writes the database anew while the store is used, when so much has been
// written that it is worth it. Writes wait for it, reads for the exchange alone. That
// it cannot be done now is no failure: what there is goes on.
func (s *Store) renew() {
	if s.failed != nil || s.grown < fewWrites+2*s.usage.total() {
		return
	}
	s.grown = 0
	v, err := s.survey(false)
	if err == nil && !v.worth() {
		return
	}
	if err == nil {
		err = s.copyAside(v)
	}
	if err != nil {
		s.logger.Warn("the integration store cannot be rewritten; it stays as it is, and takes more space than it needs", zap.Error(err))
		return
	}
	s.replacing.Lock()
	err = s.exchange()
	s.replacing.Unlock()
	if err != nil {
		s.fail(err)
		return
	}
	s.logger.Info("rewrote the integration store", zap.Int("records", v.records), zap.Int64("bytes", v.live), zap.Int64("bytes_before", v.stored))
}
