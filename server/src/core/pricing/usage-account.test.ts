import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findColumns, UsageAccount, undatedModel } from './usage-account.ts'

function linesOf(provider: string, [header = '', ...rows]: string[], map = {}) {
  const names = header.split(',')
  const account = new UsageAccount(names, findColumns(names, provider, map))
  for (const row of rows) account.add(row.split(','))
  return account.lines()
}

describe("a provider's account", () => {
  it('of OpenAI usage is summed by day and model, however fine its buckets are', () => {
    const lines = linesOf('openai', [
      'start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,batch,input_tokens,output_tokens,input_cached_tokens',
      '1761523200,1761523260,2025-10-27T00:00:00+00:00,2025-10-27T00:01:00+00:00,p,2,gpt-5-mini-2025-08-07,,100,20,60',
      '1761609540,1761609600,2025-10-27T23:59:00+00:00,2025-10-28T00:00:00+00:00,p,1,gpt-5-mini-2025-08-07,,10,2,0',
      '1761609600,1761609660,2025-10-28T00:00:00+00:00,2025-10-28T00:01:00+00:00,,,,,,,',
    ])
    assert.deepEqual(lines, [
      {
        day: '2025-10-27',
        model: 'gpt-5-mini-2025-08-07',
        calls: 3,
        inputTokens: 110,
        outputTokens: 22,
        costNanoUsd: null,
      },
    ])
  })

  it('of OpenAI costs is summed over the line items of a model', () => {
    const lines = linesOf(
      'openai',
      [
        'start_time;start_time_iso;amount_value;amount_currency;line_item',
        '1759622400;2025-10-05T00:00:00+00:00;0.8958740000000000;usd;gpt-5-mini-2025-08-07, input',
        '1759622400;2025-10-05T00:00:00+00:00;4.2e-05;usd;gpt-5-mini-2025-08-07, output',
      ].map((row) => row.replaceAll(', ', ' ').replaceAll(';', ',')),
    )
    assert.equal(lines.length, 2)
    const account = new UsageAccount(
      ['start_time_iso', 'amount_value', 'line_item'],
      findColumns(['start_time_iso', 'amount_value', 'line_item'], 'openai', {}),
    )
    account.add(['2025-10-05T00:00:00+00:00', '0.8958740000000000', 'gpt-5-mini, input'])
    account.add(['2025-10-05T00:00:00+00:00', '4.2e-05', 'gpt-5-mini, output'])
    assert.deepEqual(account.lines(), [
      {
        day: '2025-10-05',
        model: 'gpt-5-mini',
        calls: null,
        inputTokens: null,
        outputTokens: null,
        costNanoUsd: 895_916_000n,
      },
    ])
  })

  it('of Anthropic usage has all of the prompt, what a cache holds included', () => {
    const [line] = linesOf('anthropic', [
      'usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count',
      '2026-03-22,claude-sonnet-4-20250514,k,Default,standard,200k,100000,10,20,3000,500,0',
    ])
    assert.deepEqual([line?.inputTokens, line?.outputTokens, line?.calls], [103_030, 500, null])
  })

  it('of Anthropic cost is summed to the nano-USD, not row by row', () => {
    const [line] = linesOf('anthropic', [
      'usage_date_utc,model,token_type,cost_usd',
      '2026-03-22,claude-sonnet-4-6,input,0.0000000004',
      '2026-03-22,claude-sonnet-4-6,output,0.0000000004',
      '2026-03-22,claude-sonnet-4-6,output,-0.000000002',
    ])
    assert.equal(line?.costNanoUsd, -1n)
  })

  it('of anybody else is read by the columns that are named', () => {
    const [line] = linesOf(
      'acme',
      ['Tag,Modell,Rein,Raus,Kosten', '2026-11-20 23:30,m,5,6,$1.50'],
      { date: 'Tag', model: 'Modell', input: 'Rein', output: 'Raus', cost: 'Kosten' },
    )
    assert.deepEqual(line, {
      day: '2026-11-20',
      model: 'm',
      calls: null,
      inputTokens: 5,
      outputTokens: 6,
      costNanoUsd: 1_500_000_000n,
    })
  })

  const wrong: [string, string[], Record<string, string>, RegExp][] = [
    ['no date', ['model,cost', 'm,1'], {}, /no column for date: name it with --map; it has model/],
    ['no figures', ['date,model', '2026-01-01,m'], {}, /no column for tokens or cost/],
    ['a column that is not there', ['date,model,cost'], { cost: 'x' }, /has no column x; it has/],
    ['a date that is none', ['date,model,cost', 'soon,m,1'], {}, /^row 2: "soon" is no date$/],
    [
      'a count that is none',
      ['date,model,input_tokens', '2026-01-01,m,1e3'],
      {},
      /^row 2: "1e3" is no count$/,
    ],
    [
      'another currency',
      ['date,model,cost,currency', '2026-01-01,m,1,USD', '2026-01-01,m,1,eur'],
      {},
      /^row 3: "eur" is not US dollars$/,
    ],
    [
      'a row that was cut off',
      ['date,model,input_tokens,cost', '2026-01-01,m,5'],
      {},
      /^row 2: it has 3 fields, and the header 4$/,
    ],
    [
      'a delimiter too many',
      ['date,model,cost', '2026-01-01,m,1,50'],
      {},
      /^row 2: it has 4 fields/,
    ],
    [
      'dollars that are none',
      ['date,model,cost', '2026-01-01,m,free'],
      {},
      /^row 2: "free" is no amount of dollars$/,
    ],
  ]
  for (const [name, rows, map, message] of wrong) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => linesOf('generic', rows, map), { name: 'SyntaxError', message })
    })
  }

  it('names a model with a date that the record may leave out', () => {
    assert.equal(undatedModel('gpt-4.1-2025-04-14'), 'gpt-4.1')
    assert.equal(undatedModel('claude-sonnet-4-20250514'), 'claude-sonnet-4')
    assert.equal(undatedModel('gpt-4-0613'), 'gpt-4-0613')
  })
})
