// The official tools over stdio, as a program. With `--fail` it ends before it says anything useful.
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createOfficialServer, newState } from './official-tools.ts'

const state = newState()

if (process.argv.includes('--fail')) {
  process.stderr.write('the licence has run out\n')
  process.exitCode = 3
} else {
  serveStdio(() => createOfficialServer(state))
}
