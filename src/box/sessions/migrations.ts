/**
 * Secrets are here only as hashes. What hangs below a session goes with it: that a row exists is what makes a session, a
 * token or a code good, so nothing that was revoked can be good again.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE person (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     name_key TEXT NOT NULL UNIQUE,
     role TEXT NOT NULL,
     password TEXT,
     recovery_hash TEXT UNIQUE,
     invite_hash TEXT UNIQUE,
     invite_expires_at INTEGER,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE passkey (
     id TEXT PRIMARY KEY,
     person_id TEXT NOT NULL REFERENCES person ON DELETE CASCADE,
     label TEXT NOT NULL,
     public_key BLOB NOT NULL,
     counter INTEGER NOT NULL,
     transports TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     last_used_at INTEGER
   ) STRICT;
   CREATE INDEX passkey_person ON passkey (person_id);
   CREATE TABLE session (
     id TEXT PRIMARY KEY,
     parent_id TEXT REFERENCES session ON DELETE CASCADE,
     person_id TEXT REFERENCES person ON DELETE CASCADE,
     client_id TEXT,
     kind TEXT NOT NULL,
     label TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     last_seen_at INTEGER NOT NULL,
     last_address TEXT,
     idle_ms INTEGER,
     expires_at INTEGER
   ) STRICT;
   CREATE INDEX session_parent ON session (parent_id);
   CREATE INDEX session_person ON session (person_id);
   CREATE INDEX session_expiry ON session (expires_at);
   CREATE TABLE token (
     hash TEXT PRIMARY KEY,
     session_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
     kind TEXT NOT NULL,
     expires_at INTEGER,
     used_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX token_session ON token (session_id);
   CREATE INDEX token_expiry ON token (expires_at);
   CREATE TABLE code (
     hash TEXT PRIMARY KEY,
     session_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
     client_id TEXT NOT NULL,
     redirect_uri TEXT NOT NULL,
     challenge TEXT NOT NULL,
     expires_at INTEGER NOT NULL,
     used_at INTEGER,
     made_session_id TEXT REFERENCES session ON DELETE SET NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX code_session ON code (session_id);
   CREATE INDEX code_made ON code (made_session_id);
   CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  /* What an owner answered to somebody who waits, and the audit log. A yes is as good as its session. */
  `ALTER TABLE session ADD COLUMN ends_at INTEGER;
   CREATE INDEX session_end ON session (ends_at);
   CREATE TABLE approval (
     id TEXT PRIMARY KEY,
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     label TEXT NOT NULL,
     session_id TEXT REFERENCES session ON DELETE CASCADE,
     decided_by TEXT NOT NULL,
     decided_at INTEGER NOT NULL,
     UNIQUE (kind, subject)
   ) STRICT;
   CREATE INDEX approval_session ON approval (session_id);
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     action TEXT NOT NULL,
     who TEXT NOT NULL,
     what TEXT NOT NULL,
     address TEXT
   ) STRICT;
   CREATE INDEX audit_at ON audit (at)`,
  /* Pages that an agent signed in. */
  `CREATE TABLE page (
     session_id TEXT PRIMARY KEY REFERENCES session ON DELETE CASCADE,
     device_id TEXT NOT NULL
   ) STRICT`,
  /* Devices by certificate. A certificate that has no session any more is revoked. */
  `CREATE TABLE device (
     session_id TEXT PRIMARY KEY REFERENCES session ON DELETE CASCADE,
     key_fingerprint TEXT NOT NULL,
     common_name TEXT NOT NULL,
     app TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX device_name ON device (common_name, app);
   CREATE TABLE device_certificate (
     fingerprint TEXT PRIMARY KEY,
     serial TEXT NOT NULL,
     session_id TEXT REFERENCES session ON DELETE SET NULL,
     pem TEXT NOT NULL,
     issued_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX device_certificate_session ON device_certificate (session_id);
   CREATE INDEX device_certificate_end ON device_certificate (expires_at)`,
  /* App instances. `secret` is sealed by a key outside of the store; one with a token has that as a hash instead. */
  `CREATE TABLE instance (
     client_id TEXT PRIMARY KEY,
     session_id TEXT NOT NULL UNIQUE REFERENCES session ON DELETE CASCADE,
     device_id TEXT NOT NULL,
     mailbox TEXT NOT NULL,
     uid TEXT NOT NULL,
     secret BLOB,
     token_hash TEXT UNIQUE
   ) STRICT`,
  /* A second factor beside the password. The secret is sealed by a key outside of the store; a step counts once. */
  `ALTER TABLE person ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE totp (
     person_id TEXT PRIMARY KEY REFERENCES person ON DELETE CASCADE,
     secret BLOB NOT NULL,
     last_step INTEGER NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
  /* Answers to a refresh that may have been lost on the way; see unacknowledged-refreshes.ts. */
  `CREATE TABLE unacknowledged_refresh (
     session_id TEXT PRIMARY KEY REFERENCES session ON DELETE CASCADE,
     given TEXT NOT NULL,
     access TEXT NOT NULL,
     refresh TEXT NOT NULL
   ) STRICT, WITHOUT ROWID`,
  /* The key of an event that came from another store, with its action; see audit-notes.ts. */
  `ALTER TABLE audit ADD COLUMN note TEXT;
   CREATE UNIQUE INDEX audit_note ON audit (note)`,
];
