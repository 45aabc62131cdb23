// Which functions a free query may call. PostgreSQL says what a name means; what it says is not
// immutable must be on this list or be declared, and what runs with its owner's rights is refused.
import type { PoolClient } from 'pg'

/**
 * Of pg_catalog, not immutable, and harmless: they read the clock, the session's formats or chance.
 * Left out is what sleeps, locks, signals, sets, runs SQL from a text, or tells of the catalogue.
 */
const harmless: ReadonlySet<string> = new Set(
  `age array_to_json array_to_string bernoulli clock_timestamp concat concat_ws convert
  convert_from convert_to date date_add date_part date_subtract date_trunc enum_first enum_last
  enum_range extract format gen_random_uuid generate_series json_agg json_agg_strict
  json_build_array json_build_object json_object_agg json_object_agg_strict json_object_agg_unique
  json_object_agg_unique_strict json_populate_record json_populate_recordset json_to_record
  json_to_recordset json_to_tsvector jsonb_agg jsonb_agg_strict jsonb_build_array
  jsonb_build_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
  jsonb_object_agg_unique_strict jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
  jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset
  jsonb_to_record jsonb_to_recordset jsonb_to_tsvector length make_timestamptz money now numeric
  overlaps pg_input_is_valid pg_typeof phraseto_tsquery plainto_tsquery quote_literal
  quote_nullable random random_normal row_to_json statement_timestamp system time timeofday
  timestamp timestamptz timetz timezone to_char to_date to_json to_jsonb to_number to_timestamp
  to_tsquery to_tsvector transaction_timestamp ts_headline uuidv4 uuidv7 websearch_to_tsquery`.split(
    /\s+/,
  ),
)

type FunctionRow = {
  readonly schema: string
  readonly name: string
  readonly volatility: string
  readonly isDefiner: boolean
  readonly isOfExtension: boolean
}

/** Everything by its full name: the session's search path is not trusted here. */
const findFunctions = `SELECT n.nspname AS schema, p.proname AS name,
    p.provolatile AS volatility, p.prosecdef AS "isDefiner",
    EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid OPERATOR(pg_catalog.=) 1255 AND d.objid OPERATOR(pg_catalog.=) p.oid
        AND d.deptype OPERATOR(pg_catalog.=) 'e') AS "isOfExtension"
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
  WHERE p.proname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.name[])`

/** The first function of these names that may not be called; undefined when all may. */
export async function findRefusedFunction(
  client: PoolClient,
  names: readonly string[],
  declared: readonly string[],
): Promise<string | undefined> {
  const { rows } = await client.query<FunctionRow>(findFunctions, [names])
  const refused = rows.find((row) => !isPermitted(row, declared))
  return refused && `${refused.schema}.${refused.name}`
}

function isPermitted(row: FunctionRow, declared: readonly string[]): boolean {
  if (declared.includes(`${row.schema}.${row.name}`)) return true
  if (row.isDefiner) return false
  if (row.schema !== 'pg_catalog') return row.isOfExtension && row.volatility === 'i'
  return row.volatility === 'i' || harmless.has(row.name)
}
