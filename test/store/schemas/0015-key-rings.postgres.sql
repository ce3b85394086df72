
CREATE TABLE public.account_uses (
    account text NOT NULL,
    subject text NOT NULL,
    used_at bigint NOT NULL,
    used_from text NOT NULL
);
CREATE TABLE public.accounts (
    name text NOT NULL,
    upstream text NOT NULL,
    members_only integer DEFAULT 0 NOT NULL,
    CONSTRAINT accounts_members_only_check CHECK ((members_only = ANY (ARRAY[0, 1])))
);
CREATE TABLE public.blocked_people (
    username text NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL
);
CREATE TABLE public.canary (
    id integer NOT NULL,
    number bigint NOT NULL,
    sent_at bigint NOT NULL
);
CREATE TABLE public.changes (
    revision bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    account text,
    scope text,
    usernames text NOT NULL,
    token text DEFAULT ''::text NOT NULL,
    accounts text
);
CREATE TABLE public.connections (
    account text NOT NULL,
    revision bigint NOT NULL,
    since bigint NOT NULL,
    directory text,
    actor text NOT NULL,
    bridged_until bigint,
    undo integer DEFAULT 0 NOT NULL,
    CONSTRAINT connections_undo_check CHECK ((undo = ANY (ARRAY[0, 1])))
);
CREATE TABLE public.credentials (
    subject text NOT NULL,
    scope text NOT NULL,
    username text NOT NULL,
    secondary text,
    hash text NOT NULL,
    enabled integer NOT NULL,
    set_at bigint NOT NULL,
    revision bigint NOT NULL,
    owner text,
    last_used_at bigint,
    last_used_from text,
    confirmed_at bigint,
    unproved integer DEFAULT 0 NOT NULL,
    blocked integer DEFAULT 0 NOT NULL,
    off_by text,
    CONSTRAINT credentials_blocked_check CHECK ((blocked = ANY (ARRAY[0, 1]))),
    CONSTRAINT credentials_enabled_check CHECK ((enabled = ANY (ARRAY[0, 1]))),
    CONSTRAINT credentials_unproved_check CHECK ((unproved = ANY (ARRAY[0, 1])))
);
CREATE TABLE public.deliveries (
    receiver text NOT NULL,
    number bigint NOT NULL,
    token text NOT NULL,
    holder text,
    at bigint NOT NULL
);
CREATE TABLE public.directories (
    id text NOT NULL,
    name text NOT NULL,
    issuer text,
    removed_at bigint
);
CREATE TABLE public.gateways (
    id text NOT NULL,
    host text NOT NULL,
    lease_ms bigint NOT NULL,
    number bigint NOT NULL,
    seen_at bigint NOT NULL,
    canary bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.grants (
    scope text NOT NULL,
    owner text NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    username text,
    refresh_token text,
    access_token text,
    access_of text,
    access_ends_at bigint,
    granted_at bigint NOT NULL,
    renewed_at bigint NOT NULL,
    checked_at bigint NOT NULL,
    ended_at bigint,
    ended_cause text,
    version bigint NOT NULL,
    turn_until bigint DEFAULT 0 NOT NULL,
    demand text
);
CREATE TABLE public.keys (
    name text NOT NULL,
    id integer NOT NULL,
    bytes text NOT NULL,
    made_at bigint NOT NULL,
    used_from bigint
);
CREATE TABLE public.links (
    scope text NOT NULL,
    owner text NOT NULL,
    other_scope text NOT NULL,
    other_owner text NOT NULL,
    linked_at bigint NOT NULL
);
CREATE TABLE public.members (
    account text NOT NULL,
    scope text NOT NULL,
    username text NOT NULL,
    subject text
);
CREATE TABLE public.migrations (
    name text NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.oauth (
    key text NOT NULL,
    of_grant text,
    user_code text,
    data text NOT NULL,
    used_at bigint,
    expires_at bigint NOT NULL
);
CREATE TABLE public.passwords (
    subject text NOT NULL,
    id text NOT NULL,
    mac text NOT NULL,
    name text,
    read_only integer NOT NULL,
    set_at bigint NOT NULL,
    ends_at bigint,
    replaced_at bigint,
    revoked_at bigint,
    client text,
    last_used_at bigint,
    last_used_from text,
    last_used_tool text,
    announced integer
);
CREATE TABLE public.refusals (
    reference text NOT NULL,
    at bigint NOT NULL,
    outcome text NOT NULL,
    account text,
    username text,
    client text NOT NULL,
    facts text NOT NULL
);
CREATE TABLE public.revision (
    id integer NOT NULL,
    newest bigint NOT NULL,
    store text DEFAULT ''::text NOT NULL,
    token text DEFAULT ''::text NOT NULL,
    CONSTRAINT revision_id_check CHECK ((id = 1))
);
CREATE TABLE public.revocations (
    id text NOT NULL,
    microseconds bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.sessions (
    id_hash text NOT NULL,
    data text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.turns (
    work text NOT NULL,
    holder text NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.usernames (
    scope text NOT NULL,
    username text NOT NULL,
    subject text NOT NULL
);
INSERT INTO public.account_uses VALUES ('contoso', 'subject-anna', 4070908800000, '192.0.2.1');
INSERT INTO public.accounts VALUES ('contoso', 'https://tfs.example.com/contoso', 0);
INSERT INTO public.accounts VALUES ('fabrikam', 'https://tfs.example.com/fabrikam', 1);
INSERT INTO public.blocked_people VALUES ('erna@example.com', 4070908800000, 'cli:root');
INSERT INTO public.canary VALUES (1, 0, 0);
INSERT INTO public.changes VALUES (6, 4070908800000, 'cli:root', 'account-connected', 'fabrikam', NULL, '[]', 'token-6', NULL);
INSERT INTO public.changes VALUES (7, 4070908800000, 'cli:root', 'credential-set', NULL, 'aaaaaaaa-0000-4000-8000-000000000001', '["clara@example.com"]', 'token-7', NULL);
INSERT INTO public.connections VALUES ('contoso', 2, 4070908800000, NULL, 'cli:root', NULL, 0);
INSERT INTO public.connections VALUES ('fabrikam', 3, 4070908800000, NULL, 'cli:root', NULL, 0);
INSERT INTO public.connections VALUES ('fabrikam', 4, 4070908800001, 'aaaaaaaa-0000-4000-8000-000000000001', 'cli:root', NULL, 0);
INSERT INTO public.credentials VALUES ('subject-anna', 'msa', 'anna@example.com', NULL, '$argon2id$v=19$m=8,t=1,p=1$xKMqrpHDpw8eVsbqTdtNtQ$iComZ739Qa7Hc8FtGgyXNLaKOFTUWNVqx86JgZWKQ8U', 1, 4070908800000, 5, 'dddddddd-0000-4000-8000-00000000000a', NULL, NULL, NULL, 0, 0, NULL);
INSERT INTO public.credentials VALUES ('subject-boris', 'aaaaaaaa-0000-4000-8000-000000000001', 'boris@example.com', 'boris', '$argon2id$v=19$m=8,t=1,p=1$p1GxOyRazO8E+KeuWKejAg$pd/uyko+s7n3to177WZ2f494cEpxLpTRvFiuDjwenOo', 1, 4070908800000, 6, NULL, 4070908800000, '192.0.2.1', NULL, 0, 0, NULL);
INSERT INTO public.credentials VALUES ('subject-clara', 'aaaaaaaa-0000-4000-8000-000000000001', 'clara@example.com', NULL, '$none$', 1, 4070908800000, 7, NULL, NULL, NULL, NULL, 0, 0, NULL);
INSERT INTO public.deliveries VALUES ('audit', 0, '', NULL, 0);
INSERT INTO public.directories VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'North', NULL, NULL);
INSERT INTO public.gateways VALUES ('a-gateway', 'a-host', 1000, 7, 4070908800000, 0);
INSERT INTO public.grants VALUES ('msa', 'dddddddd-0000-4000-8000-00000000000a', 'https://login.example.com', 'altgate', 'anna@example.com', 'k1.EUSKnLs9z4dasd2kWuJgu5xwse_B0T-YkmYaXxpCSAWcanYMGSBXcFIFQG4t0V7FTQ', NULL, NULL, NULL, 4070908800000, 4070908800000, 4070908800000, NULL, NULL, 1, 0, NULL);
INSERT INTO public.keys VALUES ('passwords', 1, 'cGFzc3dvcmRzcGFzc3dvcmRzcGFzc3dvcmRzcGFzc3c=', 4070908800000, 4070908800000);
INSERT INTO public.keys VALUES ('verdicts', 1, 'dmVyZGljdHN2ZXJkaWN0c3ZlcmRpY3RzdmVyZGljdHM=', 4070908800000, 4070908800000);
INSERT INTO public.keys VALUES ('assertions', 1, 'YXNzZXJ0aW9uc2Fzc2VydGlvbnNhc3NlcnRpb25zYXM=', 4070908800000, 4070908800000);
INSERT INTO public.keys VALUES ('names', 1, 'bmFtZXNuYW1lc25hbWVzbmFtZXNuYW1lc25hbWVzbmE=', 4070908800000, 4070908800000);
INSERT INTO public.links VALUES ('msa', 'dddddddd-0000-4000-8000-00000000000a', 'aaaaaaaa-0000-4000-8000-000000000001', 'boris-owner', 4070908800000);
INSERT INTO public.links VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'boris-owner', 'msa', 'dddddddd-0000-4000-8000-00000000000a', 4070908800000);
INSERT INTO public.members VALUES ('fabrikam', 'aaaaaaaa-0000-4000-8000-000000000001', 'boris@example.com', 'subject-boris');
INSERT INTO public.members VALUES ('fabrikam', 'aaaaaaaa-0000-4000-8000-000000000001', 'clara@example.com', 'subject-clara');
INSERT INTO public.members VALUES ('fabrikam', 'aaaaaaaa-0000-4000-8000-000000000001', 'dora@example.com', NULL);
INSERT INTO public.migrations VALUES ('0001-first-tables', 4070908800000);
INSERT INTO public.migrations VALUES ('0002-owners-and-sessions', 4070908800000);
INSERT INTO public.migrations VALUES ('0003-members-uses-and-links', 4070908800000);
INSERT INTO public.migrations VALUES ('0004-identity-and-tokens', 4070908800000);
INSERT INTO public.migrations VALUES ('0005-gateways', 4070908800000);
INSERT INTO public.migrations VALUES ('0006-canaries', 4070908800000);
INSERT INTO public.migrations VALUES ('0007-grants', 4070908800000);
INSERT INTO public.migrations VALUES ('0008-turns', 4070908800000);
INSERT INTO public.migrations VALUES ('0009-passwords', 4070908800000);
INSERT INTO public.migrations VALUES ('0010-demands-and-confirmations', 4070908800000);
INSERT INTO public.migrations VALUES ('0011-blocks', 4070908800000);
INSERT INTO public.migrations VALUES ('0012-refusals', 4070908800000);
INSERT INTO public.migrations VALUES ('0013-oauth', 4070908800000);
INSERT INTO public.migrations VALUES ('0014-deliveries', 4070908800000);
INSERT INTO public.migrations VALUES ('0015-key-rings', 4070908800000);
INSERT INTO public.oauth VALUES ('a-key', 'a-grant', NULL, '{}', NULL, 4102444800000);
INSERT INTO public.passwords VALUES ('subject-clara', 'RaMlamhI48', '1:S-FrpUC33pm0uT7YNbo1igFwJKC9oF3abPB4tE9aq5k', NULL, 0, 4070908800000, 4102444800000, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.passwords VALUES ('subject-clara', 'LWtcWQXGZ3', '1:wdYgVGpPpED1h-HiJRg1qYlVMHhZlmjlMM0mV3SBZTY', 'laptop', 0, 4070908800000, 4102444800000, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.refusals VALUES ('a0a0a0a0a0a0a0a0a0a0a0a0', 4070908800000, 'refused', 'contoso', 'anna@example.com', '192.0.2.1', '{}');
INSERT INTO public.revision VALUES (1, 7, '4e992105-0f64-4bb9-9856-046ac3283f03', 'token-7');
INSERT INTO public.revocations VALUES ('a-measurement', 5, 4070908800000);
INSERT INTO public.sessions VALUES ('a-session', 'what it keeps', 4102444800000);
INSERT INTO public.turns VALUES ('liveness', 'a-gateway', 4070908800000);
INSERT INTO public.usernames VALUES ('msa', 'anna@example.com', 'subject-anna');
INSERT INTO public.usernames VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'boris@example.com', 'subject-boris');
INSERT INTO public.usernames VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'boris', 'subject-boris');
INSERT INTO public.usernames VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'clara@example.com', 'subject-clara');
ALTER TABLE ONLY public.account_uses
    ADD CONSTRAINT account_uses_key PRIMARY KEY (account, subject);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.blocked_people
    ADD CONSTRAINT blocked_people_pkey PRIMARY KEY (username);
ALTER TABLE ONLY public.canary
    ADD CONSTRAINT canary_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (revision);
ALTER TABLE ONLY public.connections
    ADD CONSTRAINT connections_key PRIMARY KEY (account, revision);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (subject);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_username UNIQUE (scope, username);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (receiver);
ALTER TABLE ONLY public.directories
    ADD CONSTRAINT directories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.gateways
    ADD CONSTRAINT gateways_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_key PRIMARY KEY (scope, owner);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_key PRIMARY KEY (name, id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_key PRIMARY KEY (scope, owner, other_scope);
ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_key PRIMARY KEY (account, scope, username);
ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.oauth
    ADD CONSTRAINT oauth_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.passwords
    ADD CONSTRAINT passwords_key PRIMARY KEY (subject, id);
ALTER TABLE ONLY public.refusals
    ADD CONSTRAINT refusals_pkey PRIMARY KEY (reference);
ALTER TABLE ONLY public.revision
    ADD CONSTRAINT revision_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id_hash);
ALTER TABLE ONLY public.turns
    ADD CONSTRAINT turns_pkey PRIMARY KEY (work);
ALTER TABLE ONLY public.usernames
    ADD CONSTRAINT usernames_key PRIMARY KEY (scope, username);
CREATE UNIQUE INDEX credentials_owner ON public.credentials USING btree (scope, owner);
CREATE INDEX grants_checked ON public.grants USING btree (checked_at);
CREATE INDEX members_username ON public.members USING btree (scope, username);
CREATE INDEX oauth_expires_at ON public.oauth USING btree (expires_at);
CREATE INDEX oauth_of_grant ON public.oauth USING btree (of_grant);
CREATE INDEX oauth_user_code ON public.oauth USING btree (user_code);
CREATE INDEX passwords_end ON public.passwords USING btree (ends_at);
CREATE INDEX refusals_at ON public.refusals USING btree (at);
CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);
CREATE INDEX usernames_subject ON public.usernames USING btree (subject);
ALTER TABLE ONLY public.account_uses
    ADD CONSTRAINT account_uses_subject_fkey FOREIGN KEY (subject) REFERENCES public.credentials(subject);
ALTER TABLE ONLY public.connections
    ADD CONSTRAINT connections_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(name);
ALTER TABLE ONLY public.connections
    ADD CONSTRAINT connections_directory_fkey FOREIGN KEY (directory) REFERENCES public.directories(id);
ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(name);
ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_subject_fkey FOREIGN KEY (subject) REFERENCES public.credentials(subject);
ALTER TABLE ONLY public.usernames
    ADD CONSTRAINT usernames_subject_fkey FOREIGN KEY (subject) REFERENCES public.credentials(subject);
