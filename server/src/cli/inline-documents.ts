// The OpenAPI documents that a manifest names as files (`document: { file: api.yaml }`) become part
// of it before it is sent: the server cannot read the files of whoever enrols.
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'
import { UsageError } from './failure.ts'

const fileBytesMax = 8 * 1024 * 1024
/** What the control API takes. */
const manifestCharactersMax = 500_000
const aliasesMax = 100

/**
 * `file` is the manifest's, or `-`; document files are relative to its folder. Every line keeps its
 * number, so that the places in the server's answer are those of the author's file. Throws
 * `UsageError` for a file that cannot be read.
 */
export async function inlineDocuments(manifest: string, file: string): Promise<string> {
  const folder = file === '-' ? process.cwd() : dirname(resolve(file))
  let text = manifest
  // From the last to the first: the offsets before a change stay true.
  for (const { start, end, path } of fileReferences(manifest).toReversed()) {
    const inline = JSON.stringify({ inline: await readApiDocument(resolve(folder, path)) })
    const lines = text.slice(start, end).split('\n').length - 1
    text = `${text.slice(0, start)}${yamlSafe(inline)}${'\n'.repeat(lines)}${text.slice(end)}`
  }
  if (text !== manifest && text.length > manifestCharactersMax) {
    throw new UsageError(
      `with its OpenAPI documents the manifest has ${text.length} characters, ` +
        `of at most ${manifestCharactersMax}: give larger documents as document.url`,
    )
  }
  return text
}

type Reference = { readonly start: number; readonly end: number; readonly path: string }

/** Where the manifest names a file. None in what is no YAML: the server says what is wrong with it. */
function fileReferences(manifest: string): readonly Reference[] {
  const parsed = parseDocument(manifest, { prettyErrors: false })
  if (parsed.errors.length > 0 || !isMap(parsed.contents)) return []
  const servers = parsed.contents.get('toolServers')
  if (!isMap(servers)) return []
  const found = servers.items.flatMap(({ value }): Reference[] => {
    const document = isMap(value) ? value.get('document') : undefined
    return isMap(document) ? referenceOf(document) : []
  })
  return found.toSorted((a, b) => a.start - b.start)
}

function referenceOf(document: YAMLMap): Reference[] {
  const [only, ...more] = document.items
  const isFile = isScalar(only?.key) && only.key.value === 'file' && more.length === 0
  const path = isFile && isScalar(only.value) ? only.value.value : undefined
  const { range } = document
  if (typeof path !== 'string' || range === null || range === undefined) return []
  return [{ start: range[0], end: range[1], path }]
}

async function readApiDocument(path: string): Promise<unknown> {
  const text = await readBounded(path)
  const parsed = parseDocument(text, { prettyErrors: true })
  const [fault] = parsed.errors
  if (fault !== undefined) throw new UsageError(`${path} is no YAML or JSON: ${fault.message}`)
  const value: unknown = parsed.toJS({ maxAliasCount: aliasesMax })
  return value
}

async function readBounded(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size <= fileBytesMax) return await readFile(path, 'utf8')
  } catch {
    throw new UsageError(`there is no OpenAPI document that can be read at ${path}`)
  }
  throw new UsageError(`the OpenAPI document ${path} passes ${fileBytesMax} bytes`)
}

/** JSON is YAML, but for a few characters that YAML takes for breaks or does not take at all. */
function yamlSafe(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
