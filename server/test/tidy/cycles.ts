// No two files may need each other, in types neither: such files are one idea in two places.

import { importsOf } from './source.ts'
import type { Fault, SourceTree } from './source.ts'

export function checkCycles(tree: SourceTree): Fault[] {
  const edges = new Map(
    Array.from(tree, ([path, text]) => [
      path,
      importsOf(path, text)
        .map((one) => (one.target === '@airworthy/sdk' ? 'sdk/src/index.ts' : one.target))
        .filter((target) => tree.has(target)),
    ]),
  )
  const faults: Fault[] = []
  /** Files whose every path is known to be free of cycles. */
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      const message = `import cycle: ${[...trail.slice(start), path].join(' -> ')}`
      faults.push({ path, line: 1, message })
      return
    }
    if (done.has(path)) return
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of tree.keys()) visit(path, [])
  return faults
}
