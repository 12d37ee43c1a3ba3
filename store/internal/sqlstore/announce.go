package sqlstore

// announced is [Database.Announced] where there may be none.
func (s *Store) announced(statement, returning, column string) string {
	if s.db.Announced == nil {
		return statement
	}
	return s.db.Announced(statement, returning, column)
}
