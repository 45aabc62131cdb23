// What is wrong with the HTTP APIs of a manifest, as far as it can be known without their documents.
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem } from './problem.ts'

export function checkOpenApiServers(manifest: Manifest): PactProblem[] {
  return Object.entries(manifest.toolServers).flatMap(([name, server]) => {
    if (server.transport !== 'openapi') return []
    const path = ['toolServers', name]
    const { baseUrl, document, auth, allowPrivate } = server
    const problems = checkUrl([...path, 'baseUrl'], baseUrl, { query: false })
    if ('url' in document) {
      problems.push(...checkUrl([...path, 'document', 'url'], document.url, { query: true }))
    }
    if (server.operations.length === 0) {
      const expected = 'the operations that are served; nothing else is'
      problems.push(problemAt([...path, 'operations'], { value: [], expected }))
    }
    if (auth !== undefined && baseUrl.startsWith('http:') && allowPrivate.length === 0) {
      const expected = 'https://, because anybody on the way could read the secret of auth'
      problems.push(problemAt([...path, 'baseUrl'], { value: baseUrl, expected }))
    }
    return problems
  })
}

function checkUrl(
  path: readonly string[],
  value: string,
  may: { readonly query: boolean },
): PactProblem[] {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const isPlain =
    url !== undefined &&
    url.username === '' &&
    url.password === '' &&
    url.hash === '' &&
    (may.query || url.search === '')
  const expected = `scheme, host and path${may.query ? '' : ', no query'}, and no user name`
  return isPlain
    ? []
    : [problemAt(path, { value: url === undefined ? value : '(a URL)', expected })]
}
