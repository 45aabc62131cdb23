// Builds the verifier page: one file, of our own modules alone, with no address in it. Its content
// security policy names the hashes of its script and style, and forbids everything else.
import { hash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** In the order in which they need each other. */
const modules = [
  'sdk/src/audit/bytes.ts',
  'sdk/src/audit/crypto.ts',
  'sdk/src/audit/fault.ts',
  'sdk/src/audit/note.ts',
  'sdk/src/audit/policy.ts',
  'sdk/src/audit/range.ts',
  'sdk/src/audit/bundle.ts',
  'sdk/src/audit/chains.ts',
  'sdk/src/audit/lines.ts',
  'sdk/src/audit/deletions.ts',
  'sdk/src/audit/report.ts',
  'sdk/src/audit/verify-bundle.ts',
  'web/src/verifier/page.ts',
]

/** The modules as one: their imports of each other fall away, and nothing else is imported. */
export async function buildVerifierScript(): Promise<string> {
  const parts: string[] = []
  for (const path of modules) {
    const source = await readFile(join(root, path), 'utf8')
    const text = source
      .replaceAll(/^import [^'"]*? from '(?:\.\/[\w-]+\.ts|@airworthy\/sdk)'$/gm, '')
      .replaceAll(/^export /gm, '')
    if (/^\s*import\b|\bimport\(/m.test(text)) throw new Error(`${path} imports what is not ours`)
    parts.push(
      stripTypeScriptTypes(text)
        .replaceAll(/[ \t]+$/gm, '')
        .replaceAll(/\n{3,}/g, '\n\n'),
    )
  }
  return parts.join('\n')
}

/** A source that a content security policy allows: exactly this text. */
function allowed(text: string): string {
  return `'sha256-${hash('sha256', text, 'base64')}'`
}

/** The whole page. */
export async function buildVerifierPage(): Promise<string> {
  const folder = join(root, 'web/src/verifier')
  const [page, css, script] = await Promise.all([
    readFile(join(folder, 'page.html'), 'utf8'),
    readFile(join(folder, 'page.css'), 'utf8'),
    buildVerifierScript(),
  ])
  if (script.includes('</script')) throw new Error('the script would end itself')
  const policy =
    `default-src 'none'; script-src ${allowed(script)}; style-src ${allowed(css)}; ` +
    `base-uri 'none'; form-action 'none'`
  return page
    .replace('<!--policy-->', `<meta http-equiv="content-security-policy" content="${policy}" />`)
    .replace('<!--style-->', () => `<style>${css}</style>`)
    .replace('<!--script-->', () => `<script type="module">${script}</script>`)
}

async function main(): Promise<void> {
  const file = join(root, 'server/dist/verifier.html')
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, await buildVerifierPage())
}

if (import.meta.main) await main()
