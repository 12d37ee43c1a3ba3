package sqlstore

import "context"

// forbidden are queries for rows that references and unique indexes forbid,
// each for the id of a row and of what it should have gone with. The database
// sees to it, unless somebody has written with its rules switched off, or an
// index is damaged, as those of text are when the system's order of letters
// changes beneath them.
var forbidden = []struct{ rule, table, text, query string }{
	{"orphan", "auth_emails", "belongs to nobody", `select id from auth_emails where user_id not in (select id from auth_users)`},
	{"orphan", "auth_phones", "belongs to nobody", `select user_id from auth_phones where user_id not in (select id from auth_users)`},
	{"orphan", "auth_authenticators", "belongs to nobody", `select id from auth_authenticators where user_id not in (select id from auth_users)`},
	{"orphan", "auth_social_accounts", "belongs to nobody", `select id from auth_social_accounts where user_id not in (select id from auth_users)`},
	{"orphan", "auth_social_tokens", "is a token of no link", `select account_id from auth_social_tokens where account_id not in (select id from auth_social_accounts)`},
	{"orphan", "auth_trusted_browsers", "belongs to nobody", `select id from auth_trusted_browsers where user_id not in (select id from auth_users)`},
	{"orphan", "auth_sessions", "belongs to nobody", `select id from auth_sessions where user_id is not null and user_id not in (select id from auth_users)`},
	{"unique", "auth_users", "has the username of another", `select id from (select id, row_number() over (partition by username_folded order by id) as n
		from auth_users where username_folded is not null) x where n > 1`},
	{"unique", "auth_emails", "is there twice for its user", `select id from (select id, row_number() over (partition by user_id, email order by id) as n
		from auth_emails) x where n > 1`},
	{"unique", "auth_social_accounts", "has the provider and uid of another", `select id from (select id, row_number() over (partition by provider, uid order by id) as n
		from auth_social_accounts) x where n > 1`},
	{"unique", "auth_authenticators", "has the key of another", `select id from (select id, row_number() over (partition by key order by id) as n
		from auth_authenticators where key is not null) x where n > 1`},
	{"one-owner", "auth_emails", "is verified for another user as well", `select id from (select id, row_number() over (partition by email order by id) as n
		from auth_emails where verified) x where n > 1`},
	{"one-owner", "auth_phones", "is verified for another user as well", `select user_id from (select user_id, row_number() over (partition by number order by user_id) as n
		from auth_phones where verified) x where n > 1`},
	{"one-primary", "auth_emails", "is another primary address of its user", `select id from (select id, row_number() over (partition by user_id order by id) as n
		from auth_emails where is_primary) x where n > 1`},
}

// ForbiddenRows tells of rows that references or uniqueness forbid: which rule,
// and where. A row of no id of its own goes by the one it refers to.
func (s *Store) ForbiddenRows(ctx context.Context, found func(rule, table, id, text string)) error {
	for _, f := range forbidden {
		ids, err := list(ctx, s, scanInt, f.query)
		if err != nil {
			return did("look for forbidden rows in "+f.table, err)
		}
		for _, id := range ids {
			found(f.rule, f.table, text(int64(id)), f.text)
		}
	}
	return nil
}
