-- Times are microseconds since 1970-01-01 UTC. The zero time, 0001-01-01 or
-- -62135596800000000, means never.

create table auth_users (
	id              integer primary key autoincrement,
	username        text not null,
	username_folded text unique, -- for comparing without regard to case; null: has none
	password        text not null,
	first_name      text not null,
	last_name       text not null,
	disabled        integer not null,
	deactivated_at  integer not null,
	epoch           integer not null,
	fields          text not null, -- JSON object, or empty
	created_at      integer not null,
	last_login_at   integer not null,
	version         integer not null
) strict;

create table auth_emails (
	id         integer primary key autoincrement,
	user_id    integer not null references auth_users on delete cascade,
	email      text not null,
	verified   integer not null,
	is_primary integer not null,
	created_at integer not null,
	unique (user_id, email)
) strict;
create index auth_emails_email on auth_emails (email);
create unique index auth_emails_one_verified on auth_emails (email) where verified;
create unique index auth_emails_one_primary on auth_emails (user_id) where is_primary;

create table auth_phones (
	user_id  integer primary key references auth_users on delete cascade,
	number   text not null,
	verified integer not null
) strict;
create index auth_phones_number on auth_phones (number);
create unique index auth_phones_one_verified on auth_phones (number) where verified;

create table auth_authenticators (
	id           integer primary key autoincrement,
	user_id      integer not null references auth_users on delete cascade,
	type         text not null,
	key          blob unique,
	data         blob,
	created_at   integer not null,
	last_used_at integer not null,
	version      integer not null
) strict;
create index auth_authenticators_user on auth_authenticators (user_id);
create unique index auth_authenticators_one_of_type on auth_authenticators (user_id, type)
	where type in ('totp', 'recovery_codes');

create table auth_social_accounts (
	id            integer primary key autoincrement,
	user_id       integer not null references auth_users on delete cascade,
	provider      text not null,
	uid           text not null,
	data          blob, -- JSON
	created_at    integer not null,
	last_login_at integer not null,
	unique (provider, uid)
) strict;
create index auth_social_accounts_user on auth_social_accounts (user_id);

create table auth_social_tokens (
	account_id integer not null references auth_social_accounts on delete cascade,
	app        text not null,
	token      blob,
	secret     blob,
	expires_at integer not null,
	primary key (account_id, app)
) strict;

create table auth_trusted_browsers (
	id          integer primary key autoincrement,
	user_id     integer not null references auth_users on delete cascade,
	token_hash  blob not null unique,
	fingerprint blob,
	ip          text not null,
	user_agent  text not null,
	created_at  integer not null,
	expires_at  integer not null
) strict;
create index auth_trusted_browsers_user on auth_trusted_browsers (user_id);
create index auth_trusted_browsers_expiry on auth_trusted_browsers (expires_at);

create table auth_sessions (
	id           integer primary key autoincrement,
	user_id      integer references auth_users on delete cascade,
	created_at   integer not null,
	seen_at      integer not null,
	expires_at   integer not null,
	refreshed_at integer not null,
	epoch        integer not null,
	version      integer not null,
	generation   integer not null,
	token_hash   blob not null unique,
	methods      text not null, -- JSON array in shorthand, or empty
	state        blob not null,
	ip           text not null,
	user_agent   text not null -- in shorthand
) strict;
create index auth_sessions_user on auth_sessions (user_id);
create index auth_sessions_expiry on auth_sessions (expires_at);

create table auth_limits (
	key        text primary key,
	takes      text not null, -- microseconds since 1970, oldest first
	expires_at integer not null
) strict;
create index auth_limits_expiry on auth_limits (expires_at);

create table auth_nonces (
	key        text primary key,
	expires_at integer not null
) strict;
create index auth_nonces_expiry on auth_nonces (expires_at);

create table auth_outbox (
	id         integer primary key autoincrement,
	payload    blob,
	attempts   integer not null,
	created_at integer not null,
	due_at     integer not null
) strict;
create index auth_outbox_due on auth_outbox (due_at);

-- Outlives the users, so it refers to none.
create table auth_audit (
	id         integer primary key autoincrement,
	user_id    text not null, -- or empty
	kind       text not null,
	data       text not null, -- JSON object, or empty
	ip         text not null,
	user_agent text not null,
	created_at integer not null
) strict;
create index auth_audit_user on auth_audit (user_id, created_at, id);
create index auth_audit_time on auth_audit (created_at);
