package store

import "go.uber.org/zap"

// renew rewrites the database while the store is in use, once so much has been
// written that it is worthwhile. Writes wait for it, reads only for the
// exchange. If it cannot be done now, that is not a failure: the database stays
// as it is.
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
