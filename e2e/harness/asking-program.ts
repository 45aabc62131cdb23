// Tools that ask the client, over stdio, as a program.
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createAskingServer } from './asking-tools.ts'

serveStdio(createAskingServer)
