// The questions to the catalogue. The role is a member of none and owns nothing (checked first), so
// what it may do is what is granted to it by name and to PUBLIC. Each row is a finding.

export type RoleCheck = {
  readonly sql: string
  /** The list of the manifest that the question takes as $1. */
  readonly takes?: 'relations' | 'functions'
}

const versionMin = 150_000

/** Who it is granted to, as REVOKE wants to hear it. */
const grantee = `CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(session_user) END`
const mine = `a.grantee IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))`
const system = `n.nspname IN ('pg_catalog', 'information_schema') OR n.nspname LIKE 'pg\\_toast%'`

const attributes: RoleCheck = {
  sql: `SELECT format('is %s', attribute) AS problem,
      format('ALTER ROLE %I NO%s', session_user, attribute) AS mend
    FROM pg_roles, LATERAL (VALUES (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'),
      (rolcreatedb, 'CREATEDB'), (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS'))
      AS held (has, attribute)
    WHERE rolname = session_user AND has
    UNION ALL
    SELECT format('connects as %s and acts as %s', session_user, current_user),
      format('ALTER ROLE %I RESET role', session_user)
    WHERE session_user <> current_user
    UNION ALL
    SELECT 'is on a PostgreSQL older than 15', 'use PostgreSQL 15 or later'
    WHERE current_setting('server_version_num')::int < ${versionMin}`,
}

const memberships: RoleCheck = {
  sql: `SELECT format('is a member of %s', roleid::regrole) AS problem,
      format('REVOKE %s FROM %I', roleid::regrole, session_user) AS mend
    FROM pg_auth_members
    WHERE member = (SELECT oid FROM pg_roles WHERE rolname = session_user)`,
}

const ownership: RoleCheck = {
  sql: `SELECT format('owns %s objects', count(*)) AS problem,
      format('REASSIGN OWNED BY %I TO <another role>', session_user) AS mend
    FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o'
      AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = session_user)
    HAVING count(*) > 0`,
}

/** Rights on settings, large objects and whatever else has no question of its own below. */
const others: RoleCheck = {
  sql: `SELECT format('has rights on %s', pg_describe_object(classid, objid, objsubid)) AS problem,
      format('REVOKE ALL ON %s FROM %I', pg_describe_object(classid, objid, objsubid), session_user)
        AS mend
    FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass AND deptype = 'a'
      AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = session_user)
      AND (dbid = 0 OR dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND classid NOT IN ('pg_class'::regclass, 'pg_namespace'::regclass, 'pg_proc'::regclass,
        'pg_database'::regclass, 'pg_type'::regclass)`,
}

const creation: RoleCheck = {
  sql: `SELECT format('may CREATE in the database %s', datname) AS problem,
      format('REVOKE CREATE ON DATABASE %I FROM %s', datname, ${grantee}) AS mend
    FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
    WHERE datname = current_database() AND a.privilege_type = 'CREATE' AND ${mine}
    UNION ALL
    SELECT format('may CREATE in the schema %s', n.nspname),
      format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname, ${grantee})
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    WHERE a.privilege_type = 'CREATE' AND ${mine}`,
}

/** PUBLIC may UPDATE pg_settings everywhere: that is another way to write SET. */
const relationWrites: RoleCheck = {
  sql: `SELECT format('has %s on %I.%I', string_agg(a.privilege_type, ', '), n.nspname, c.relname)
        AS problem,
      format('REVOKE %s ON %I.%I FROM %s', string_agg(a.privilege_type, ', '), n.nspname, c.relname,
        ${grantee}) AS mend
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
      aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char",
        c.relowner))) a
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND ${mine}
      AND (a.privilege_type <> 'SELECT' OR c.relkind = 'S')
      AND c.oid <> 'pg_catalog.pg_settings'::regclass
    GROUP BY n.nspname, c.relname, a.grantee
    UNION ALL
    SELECT format('has %s on %I.%I (%I)', a.privilege_type, n.nspname, c.relname, t.attname),
      format('REVOKE %s (%I) ON %I.%I FROM %s', a.privilege_type, t.attname, n.nspname, c.relname,
        ${grantee})
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
    WHERE t.attacl IS NOT NULL AND ${mine} AND a.privilege_type <> 'SELECT'`,
}

const undeclaredReads: RoleCheck = {
  takes: 'relations',
  sql: `SELECT format('may SELECT from %I.%I, which is not declared', n.nspname, c.relname)
        AS problem,
      format('REVOKE SELECT ON %I.%I FROM %s', n.nspname, c.relname, ${grantee}) AS mend
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
      aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND ${mine} AND a.privilege_type = 'SELECT'
      AND NOT concat(n.nspname, '.', c.relname) = ANY ($1::text[])
      AND (a.grantee <> 0 OR NOT (${system}))
    UNION ALL
    SELECT format('may SELECT from %I.%I (%I), which is not declared', n.nspname, c.relname,
        t.attname),
      format('REVOKE SELECT (%I) ON %I.%I FROM %s', t.attname, n.nspname, c.relname, ${grantee})
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
    WHERE t.attacl IS NOT NULL AND ${mine} AND a.privilege_type = 'SELECT'
      AND NOT concat(n.nspname, '.', c.relname) = ANY ($1::text[])
      AND (a.grantee <> 0 OR NOT (${system}))`,
}

const declaredReads: RoleCheck = {
  takes: 'relations',
  sql: `SELECT format('finds no relation %s', declared) AS problem,
      'declare a table or view that there is' AS mend
    FROM unnest($1::text[]) AS declared
    WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE concat(n.nspname, '.', c.relname) = declared AND c.relkind IN ('r', 'v', 'm', 'f', 'p'))
    UNION ALL
    SELECT format('may not use the schema %I', n.nspname),
      format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, session_user)
    FROM pg_namespace n
    WHERE EXISTS (SELECT FROM unnest($1::text[]) AS declared
        WHERE split_part(declared, '.', 1) = n.nspname)
      AND NOT has_schema_privilege(n.oid, 'USAGE')
    UNION ALL
    SELECT format('may not SELECT from %I.%I', n.nspname, c.relname),
      format('GRANT SELECT ON %I.%I TO %I', n.nspname, c.relname, session_user)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE concat(n.nspname, '.', c.relname) = ANY ($1::text[])
      AND NOT has_any_column_privilege(c.oid, 'SELECT')
    UNION ALL
    SELECT format('could see hidden rows of the view %I.%I in error messages', n.nspname, c.relname),
      format('ALTER VIEW %I.%I SET (security_barrier = true)', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE concat(n.nspname, '.', c.relname) = ANY ($1::text[]) AND c.relkind = 'v'
      AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
        WHERE option_name IN ('security_barrier', 'security_invoker') AND option_value::boolean)`,
}

/** Functions with their owner's rights, and those of the system that only its owner may call. */
const functions: RoleCheck = {
  takes: 'functions',
  sql: `SELECT format('may call %s, which runs with the rights of its owner', p.oid::regprocedure)
        AS problem,
      format('REVOKE EXECUTE ON FUNCTION %s FROM %s', p.oid::regprocedure, ${grantee}) AS mend
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.prosecdef AND ${mine} AND has_schema_privilege(n.oid, 'USAGE')
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND NOT concat(n.nspname, '.', p.proname) = ANY ($1::text[])
    UNION ALL
    SELECT format('may call %s', p.oid::regprocedure),
      format('REVOKE EXECUTE ON FUNCTION %s FROM %s', p.oid::regprocedure, ${grantee})
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE n.nspname = 'pg_catalog' AND p.proacl IS NOT NULL AND ${mine}
      AND NOT EXISTS (SELECT FROM pg_init_privs i, aclexplode(i.initprivs) was
        WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid AND was.grantee = a.grantee)
      AND EXISTS (SELECT FROM pg_init_privs i
        WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid)`,
}

const temporaryFiles: RoleCheck = {
  sql: `SELECT 'may fill the disk with temporary files' AS problem,
      format('ALTER ROLE %I SET temp_file_limit = ''256MB''', session_user) AS mend
    WHERE current_setting('temp_file_limit') = '-1'`,
}

export const roleChecks: readonly RoleCheck[] = [
  attributes,
  memberships,
  ownership,
  others,
  creation,
  relationWrites,
  undeclaredReads,
  declaredReads,
  functions,
  temporaryFiles,
]
