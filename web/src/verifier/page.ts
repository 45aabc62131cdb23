// The page that verifies a bundle: it reads a file that was dropped on it, and says what is proven.
import { type AuditReport, type AuditTrust, verifyBundle, webCrypto } from '@airworthy/sdk'

/** As much of the page as is used here. */
type Element = {
  textContent: string
  value: string
  hidden: boolean
  max: number
  readonly dataset: Record<string, string>
  readonly files: readonly Blob[] | null
  readonly append: (...children: Element[]) => void
  readonly replaceChildren: (...children: Element[]) => void
  readonly addEventListener: (type: string, listener: (event: PageEvent) => void) => void
}
type PageEvent = {
  readonly preventDefault: () => void
  readonly dataTransfer?: { readonly files: readonly Blob[] }
}
type Page = {
  readonly body: Element
  readonly getElementById: (id: string) => Element
  readonly createElement: (name: string) => Element
}
declare const document: Page

async function* readBlob(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

/** A policy has lines that begin with a word; keys are one a line. */
function trustOf(text: string): AuditTrust {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (lines.length === 0) return {}
  const isPolicy = lines.some((line) => /^(?:log|witness|group|quorum) /.test(line))
  return isPolicy ? { policy: `${text.trim()}\n` } : { keys: lines }
}

async function verify(blob: Blob): Promise<void> {
  const progress = document.getElementById('progress')
  const verdict = document.getElementById('verdict')
  document.getElementById('checks').replaceChildren()
  document.getElementById('facts').replaceChildren()
  verdict.textContent = 'Checking…'
  progress.hidden = false
  try {
    const report = await verifyBundle({
      chunks: readBlob(blob),
      crypto: webCrypto(),
      trust: trustOf(document.getElementById('trust').value),
      onProgress: ({ read, of }) => {
        progress.max = of
        progress.value = String(read)
      },
    })
    show(report)
  } catch (thrown) {
    verdict.textContent = `The file could not be checked: ${String(thrown)}`
  }
  progress.hidden = true
}

const words = { proven: 'Proven', not_proven: 'Not proven', refused: 'Refused' } as const

function show(report: AuditReport): void {
  const verdict = document.getElementById('verdict')
  if (report.isProven) verdict.textContent = 'Proven: the record is as it was signed.'
  else if (report.isConsistent) {
    verdict.textContent = 'Not proven: it fits together, but you gave no key to hold it against.'
  } else verdict.textContent = 'Refused: the record is not what was signed.'
  document.getElementById('checks').replaceChildren(
    ...report.checks.map(({ state, message }) => {
      const item = document.createElement('li')
      item.dataset['state'] = state
      item.textContent = `${words[state]}: ${message}`
      return item
    }),
  )
  document.getElementById('facts').replaceChildren(...factsOf(report))
}

function factsOf({ facts }: AuditReport): Element[] {
  const rows: [string, string][] = [
    ['Log', facts.origin ?? 'unknown'],
    [
      'Entries',
      `${facts.entries}: ${facts.from} to ${facts.to - 1}, of ${facts.size} that are signed`,
    ],
    ['Time', `${facts.firstAt ?? '?'} to ${facts.lastAt ?? '?'}`],
    ['Agents', String(facts.agents)],
    ['Checkpoints', String(facts.checkpoints)],
    ['Witnesses', facts.witnesses.join(', ') || 'none'],
    ['Identities', facts.identities.join(', ') || 'none'],
    [
      'Kinds',
      Object.entries(facts.types)
        .map(([type, count]) => `${type} ${count}`)
        .join(', '),
    ],
  ]
  return rows.flatMap(([name, value]) => {
    const [term, description] = [document.createElement('dt'), document.createElement('dd')]
    term.textContent = name
    description.textContent = value
    return [term, description]
  })
}

function take(blob: Blob | undefined): void {
  if (blob !== undefined) void verify(blob)
}

function start(): void {
  const input = document.getElementById('file')
  input.addEventListener('change', () => take(input.files?.[0]))
  // The whole page takes a drop: a file that misses the box must not open in its place.
  document.body.addEventListener('dragover', (event) => event.preventDefault())
  document.body.addEventListener('drop', (event) => {
    event.preventDefault()
    take(event.dataTransfer?.files[0])
  })
  document.body.dataset['ready'] = 'true'
}

// The tests run everything else without a page.
if (typeof document !== 'undefined') start()
