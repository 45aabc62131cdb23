// The manifest of the agents that benches and evidence enrol.

export type BenchModel = { readonly name: string; readonly baseUrl: string }

/** Budgets that a bench cannot reach, unless `agentCalls` sets one, and a pact of five rules. */
export function benchManifest(
  models: readonly BenchModel[],
  options: { readonly name?: string; readonly agentCalls?: number } = {},
): string {
  const prices = {
    inputPerMillionUsd: '0.40',
    cachedInputPerMillionUsd: '0.10',
    outputPerMillionUsd: '1.60',
  }
  // JSON is YAML: no indentation to get wrong.
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: options.name ?? 'bench', owner: 'bench@example.com', stakes: 'low' },
    models: models.map((model) => ({
      ...model,
      wire: 'openai',
      prices,
      maxOutputTokens: 1024,
      timeoutMs: 30_000,
    })),
    limits: {
      session: { calls: 100_000_000, tokens: 1_000_000_000_000, moneyUsd: '1000000' },
      agent: {
        calls: options.agentCalls ?? 1_000_000_000,
        tokens: 1_000_000_000_000,
        moneyUsd: '1000000',
      },
    },
    pact: { permissions: rules },
  })
}

const rules = [
  { id: 'models', effect: 'allow', models: ['*'] },
  {
    id: 'long-session',
    effect: 'deny',
    models: ['*'],
    when: 'session.modelCalls > 90000000',
    reason: 'a session is not endless',
  },
  {
    id: 'money',
    effect: 'hold',
    models: ['*'],
    when: 'session.spentNanoUsd > 900000000000000',
    reason: 'a person looks before the last tenth is spent',
  },
  {
    id: 'many-denials',
    effect: 'deny',
    models: ['*'],
    when: 'session.denied > 50 && session.held > 50',
    reason: 'an agent that is denied again and again stops',
  },
  {
    id: 'no-task',
    effect: 'deny',
    models: ['*'],
    when: "session.task == '' && session.toolCalls > 10",
    reason: 'long work needs a task',
  },
]
