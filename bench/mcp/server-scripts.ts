// What is asked of the reference servers from npm: calls of every kind that each of them has.
import type { McpClient } from '../../e2e/harness/mcp-clients.ts'

export type Step = { readonly what: string; readonly ask: (client: McpClient) => Promise<unknown> }

export type Script = {
  /** The package is `@modelcontextprotocol/server-<name>`. */
  readonly name: string
  /** Program arguments and environment, given a directory of its own. */
  readonly args: (directory: string) => readonly string[]
  readonly env: (directory: string) => Readonly<Record<string, string>>
  /** Contracts, by bare tool name. */
  readonly tools: Readonly<Record<string, 'read' | 'irreversible'>>
  readonly opened: { readonly resources?: readonly string[]; readonly prompts?: readonly string[] }
  readonly steps: (directory: string) => readonly Step[]
}

function call(tool: string, args: Readonly<Record<string, unknown>> = {}): Step {
  return { what: tool, ask: (client) => client.call(tool, args) }
}

const listTools: Step = {
  what: 'tools/list',
  ask: async (client) => (await client.listTools()).map((tool) => String(tool['name'])).toSorted(),
}

function progressOf(tool: string, args: Readonly<Record<string, unknown>>): Step {
  const ask = async (client: McpClient): Promise<unknown> => {
    const told: number[] = []
    const result = await client.call(tool, args, { onProgress: (each) => told.push(each.progress) })
    // Over stdio the official client loses the last step when it comes together with the answer.
    return { told: told.slice(0, 2), result }
  }
  return { what: `${tool} with progress`, ask }
}

const filesystem: Script = {
  name: 'filesystem',
  args: (directory) => [directory],
  env: () => ({}),
  tools: {
    list_allowed_directories: 'read',
    create_directory: 'irreversible',
    write_file: 'irreversible',
    edit_file: 'irreversible',
    move_file: 'irreversible',
    read_text_file: 'read',
    read_multiple_files: 'read',
    list_directory: 'read',
    directory_tree: 'read',
    search_files: 'read',
  },
  opened: {},
  steps: (directory) => [
    listTools,
    call('list_allowed_directories'),
    call('create_directory', { path: `${directory}/notes` }),
    call('write_file', { path: `${directory}/notes/a.txt`, content: 'one\ntwo\n' }),
    call('edit_file', {
      path: `${directory}/notes/a.txt`,
      edits: [{ oldText: 'two', newText: 'zwei' }],
    }),
    call('read_text_file', { path: `${directory}/notes/a.txt` }),
    call('read_text_file', { path: `${directory}/notes/a.txt`, head: 1 }),
    call('move_file', { source: `${directory}/notes/a.txt`, destination: `${directory}/b.txt` }),
    call('list_directory', { path: directory }),
    call('directory_tree', { path: directory }),
    call('search_files', { path: directory, pattern: '*.txt' }),
    call('read_multiple_files', { paths: [`${directory}/b.txt`, `${directory}/none.txt`] }),
    call('read_text_file', { path: '/etc/hostname' }),
  ],
}

const everything: Script = {
  name: 'everything',
  args: () => [],
  env: () => ({}),
  tools: {
    echo: 'read',
    'get-sum': 'read',
    'get-tiny-image': 'read',
    'get-annotated-message': 'read',
    'get-structured-content': 'read',
    'get-resource-links': 'read',
    'get-resource-reference': 'read',
    'trigger-long-running-operation': 'read',
    'resources.read': 'read',
    'resources.subscribe': 'read',
    'prompts.get': 'read',
    'completion.complete': 'read',
  },
  opened: { resources: ['demo://*'], prompts: ['*'] },
  steps: () => [
    listTools,
    call('echo', { message: 'grüß dich' }),
    call('get-sum', { a: 2, b: 40 }),
    call('get-tiny-image'),
    call('get-annotated-message', { messageType: 'error', includeImage: true }),
    call('get-structured-content', { location: 'New York' }),
    call('get-resource-links', { count: 3 }),
    call('get-resource-reference', { resourceType: 'Text', resourceId: 1 }),
    progressOf('trigger-long-running-operation', { duration: 0.3, steps: 3 }),
    { what: 'resources/list', ask: (client) => client.listResources() },
    { what: 'resources/templates/list', ask: (client) => client.listTemplates() },
    {
      what: 'resources/read',
      ask: (client) => client.read('demo://resource/static/document/features.md'),
    },
    { what: 'prompts/list', ask: (client) => client.listPrompts() },
    {
      what: 'prompts/get',
      ask: (client) => client.getPrompt('args-prompt', { city: 'Bonn', state: 'NRW' }),
    },
    {
      what: 'completion/complete',
      ask: (client) => client.complete('completable-prompt', { name: 'department', value: 'E' }),
    },
  ],
}

const entities = [
  { name: 'Ada', entityType: 'person', observations: ['writes'] },
  { name: 'Bob', entityType: 'person', observations: ['reads'] },
]

const memory: Script = {
  name: 'memory',
  args: () => [],
  env: (directory) => ({ MEMORY_FILE_PATH: `${directory}/memory.jsonl` }),
  tools: {
    create_entities: 'irreversible',
    create_relations: 'irreversible',
    add_observations: 'irreversible',
    delete_entities: 'irreversible',
    read_graph: 'read',
    search_nodes: 'read',
    open_nodes: 'read',
    'resources.read': 'read',
  },
  opened: { resources: ['memory://*'] },
  steps: () => [
    listTools,
    call('create_entities', { entities }),
    call('create_relations', {
      relations: [{ from: 'Ada', to: 'Bob', relationType: 'knows' }],
    }),
    call('add_observations', { observations: [{ entityName: 'Bob', contents: ['sings'] }] }),
    call('read_graph'),
    call('search_nodes', { query: 'sings' }),
    call('open_nodes', { names: ['Ada'] }),
    { what: 'resources/list', ask: (client) => client.listResources() },
    { what: 'resources/read', ask: (client) => client.read('memory://knowledge-graph') },
    call('delete_entities', { entityNames: ['Ada'] }),
    call('read_graph'),
  ],
}

export const scripts: readonly Script[] = [filesystem, everything, memory]
