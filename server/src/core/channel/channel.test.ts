import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { HoldCard } from '../approval/card.ts'
import { type ChannelFilter, isSent, kindsDefault } from './filter.ts'
import { encodeHeader, formatEmail, quotedPrintable } from './email.ts'
import { buildMessage, type Message } from './message.ts'
import { plainText } from './plain-text.ts'
import { attemptsMax, parseRetryAfter, retryWaitMs } from './retry.ts'
import { emailAddress, shownPlace, urlProblem } from './target.ts'
import { formatWebhookSecret, parseWebhookSecret, rotateSecrets } from './webhook-signature.ts'

const id = '019a0000-0000-7000-8000-000000000001'
const card: HoldCard = {
  holdId: id,
  callId: id,
  agent: 'desk',
  agentId: id,
  owner: 'support@example.com',
  stakes: 'medium',
  task: 'refund',
  action: 'shop/refund',
  effectClass: 'irreversible',
  reversibility: 'It cannot be undone.',
  amount: { minor: '1250', currency: 'EUR' },
  counterparty: undefined,
  why: [{ rule: 'big', reason: 'more than 10' }],
  state: 'pending',
  round: 1,
  level: 1,
  levels: 2,
  quorum: 2,
  votesSoFar: { approve: 1, reject: 0 },
  until: '2026-11-22T12:00:00.000Z',
  levelUntil: '2026-11-22T11:00:00.000Z',
  onExpiry: 'If nobody decides, it is denied.',
  factsHash: 'f',
  argsHash: 'a',
  schemaHash: 's',
  pactId: id,
}

function messageOf(hold: HoldCard, hidesAmount = false): Message {
  const at = new Date(1_795_000_000_000)
  const options = { hidesAmount, publicUrl: 'https://airworthy.example' }
  return buildMessage({ kind: 'hold.opened', subject: id, at, detail: {}, hold }, options)
}

suite('messages', () => {
  test('a hidden amount cannot be found out by a hash that binds it', () => {
    const data = { ...messageOf(card, true).data }
    assert.ok(!('amount' in data) && !('factsHash' in data))
    assert.equal(messageOf(card).data['factsHash'], 'f')
  })

  test('a hold tells effect, amount, reversibility, cause, expiry, and how to vote', () => {
    const { title, facts, commands, url } = messageOf(card)
    assert.equal(title, 'A call waits for a person: desk, shop/refund')
    assert.deepEqual(Object.fromEntries(facts.map(({ label, value }) => [label, value])), {
      Agent: 'desk',
      Task: 'refund',
      Action: 'shop/refund',
      Effect: 'irreversible',
      Amount: '12.50 EUR',
      'Can it be taken back': 'It cannot be undone.',
      'Why it was held': 'more than 10 (big)',
      Level: '1 of 2',
      Votes: '1 to approve, 0 to reject; 2 that match decide',
      'Decide until': card.levelUntil,
      'Open until': card.until,
      'If nobody decides': card.onExpiry,
      Hold: id,
    })
    assert.ok(commands.includes(`airworthy hold approve ${id}`))
    assert.equal(url, `https://airworthy.example/v1/holds/${id}`)
  })

  test('a hidden amount is nowhere, neither for people nor for programs', () => {
    const text = JSON.stringify(messageOf(card, true))
    assert.ok(!text.includes('12.50') && !text.includes('1250') && !text.includes('EUR'))
  })

  test('what is decided already asks for no vote', () => {
    const { title, commands } = messageOf({ ...card, state: 'approved' })
    assert.match(title, /: approved: desk/)
    assert.deepEqual(commands, [`airworthy hold show ${id}`])
  })

  test('an amount has the decimals of its currency, and its sign', () => {
    const cases = [
      ['5', 'USD', '0.05 USD'],
      ['-5', 'USD', '-0.05 USD'],
      ['100', 'USD', '1.00 USD'],
      ['5000', 'JPY', '5000 JPY'],
      ['5', 'KWD', '0.005 KWD'],
      ['7', 'eip155:1/slip44:60', '7 minor units of eip155:1/slip44:60'],
    ] as const
    for (const [minor, currency, expected] of cases) {
      const { facts } = messageOf({ ...card, amount: { minor, currency } })
      assert.equal(facts.find(({ label }) => label === 'Amount')?.value, expected)
    }
  })

  test('no text of tools, rules or agents breaks its line or turns its direction', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const plain = plainText(text, 100)
        assert.ok(plain.length <= 100 && plain.isWellFormed())
        assert.doesNotMatch(plain, /\p{Cc}|[\u2028-\u202E\u2066-\u2069\u200B-\u200F]/u)
      }),
    )
    assert.equal(plainText('pay\u202Eevil\r\nBcc: x', 100), 'pay evil  Bcc: x')
  })
})

suite('filters', () => {
  const all: ChannelFilter = { kinds: kindsDefault, agents: [], teams: [], stakesMin: 'low' }
  const desk = { name: 'desk', owner: 'support', stakes: 'medium' } as const
  const cases: [string, Partial<ChannelFilter>, boolean][] = [
    ['all', {}, true],
    ['another kind', { kinds: ['kill.issued'] }, false],
    ['the agent', { agents: ['desk'] }, true],
    ['another agent', { agents: ['till'] }, false],
    ['its team', { agents: ['till'], teams: ['support'] }, true],
    ['lower stakes', { stakesMin: 'medium' }, true],
    ['higher stakes', { stakesMin: 'high' }, false],
  ]
  for (const [name, changes, expected] of cases) {
    test(`of ${name}: ${expected ? 'sent' : 'not sent'}`, () => {
      assert.equal(isSent({ ...all, ...changes }, 'hold.opened', desk), expected)
    })
  }
  test('what is about no single agent is sent, whoever the channel is for', () => {
    const filter = { ...all, agents: ['till'], stakesMin: 'high' } as const
    assert.equal(isSent(filter, 'kill.issued', undefined), true)
  })
})

suite('retries', () => {
  test('come later each time, spread by a fifth, and end after twelve attempts within a day or so', () => {
    let sum = 0
    for (let attempts = 1; attempts < attemptsMax; attempts += 1) {
      const [early = 0, late = 0] = [0, 0.999_999].map((random) => retryWaitMs(attempts, random))
      assert.ok(late > early && early > (retryWaitMs(attempts - 1, 0.999_999) ?? 0))
      sum += (early + late) / 2
    }
    assert.equal(attemptsMax, 12)
    assert.equal(retryWaitMs(attemptsMax, 0.5), undefined)
    assert.ok(sum > 23 * 3_600_000 && sum < 26 * 3_600_000, String(sum / 3_600_000))
  })

  test('wait as long as the receiver asks, up to an hour', () => {
    assert.equal(retryWaitMs(1, 0.5, 60_000), 60_000)
    assert.equal(retryWaitMs(1, 0.5, 1e12), 3_600_000)
    assert.equal(retryWaitMs(11, 0.5, 1), 12 * 3_600_000)
  })

  test('Retry-After is seconds or a date', () => {
    const nowMs = Date.UTC(2026, 10, 22)
    const cases = [
      ['120', 120_000],
      ['Sun, 22 Nov 2026 00:01:00 GMT', 60_000],
      ['Sat, 21 Nov 2026 00:00:00 GMT', 0],
      ['soon', undefined],
      [undefined, undefined],
    ] as const
    for (const [text, expected] of cases) assert.equal(parseRetryAfter(text, nowMs), expected)
  })
})

suite('e-mail', () => {
  test('a text is what it was, and each line short and of ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (drawn) => {
        const text = drawn.toWellFormed().replaceAll(/[\r]/g, '')
        const encoded = quotedPrintable(text)
        assert.match(encoded, /^[\u0020-\u007E\r\n]*$/)
        assert.ok(encoded.split('\r\n').every((line) => line.length <= 76))
        const bytes = encoded
          .replaceAll('=\r\n', '')
          .replaceAll('\r\n', '\n')
          .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
        assert.equal(Buffer.from(bytes, 'latin1').toString('utf8'), text)
      }),
    )
  })

  test('no title ends its header or begins another', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (title) => {
        const lines = encodeHeader(title.toWellFormed()).split('\r\n')
        assert.ok(lines.slice(1).every((line) => line.startsWith(' =?')))
        assert.ok(lines.every((line) => /^[\u0020-\u007E]*$/.test(line) && line.length <= 76))
        const words = lines.join('').matchAll(/=\?utf-8\?B\?([^?]*)\?=/g)
        const decoded = [...words].map(([, word = '']) => Buffer.from(word, 'base64').toString())
        if (decoded.length > 0) assert.equal(decoded.join(''), title.toWellFormed())
      }),
    )
  })

  test('has one header of each name', () => {
    const envelope = { from: 'a@b.example', to: 'c@d.example', messageId: id, threadId: id }
    const [head = ''] = formatEmail(messageOf(card), envelope).toString().split('\r\n\r\n')
    const names = head.split('\r\n').map((line) => line.split(':')[0])
    assert.equal(new Set(names).size, names.length)
  })

  test('addresses that could be more than an address are refused', () => {
    for (const good of ['a@b.example', 'a.b+c@d-e.example', "o'brien@example.com"]) {
      assert.ok(emailAddress.safeParse(good).success, good)
    }
    for (const bad of [
      'a',
      'a@',
      '@b',
      'a b@c.example',
      'a@b.example\r\nRCPT TO:<x@y.example>',
      'a@b.example>',
      '<a@b.example',
      'a@b@c',
      '"a b"@c.example',
      'ä@b.example',
      'a@[127.0.0.1]',
      `${'a'.repeat(65)}@b.example`,
    ]) {
      assert.ok(!emailAddress.safeParse(bad).success, bad)
    }
  })
})

suite('targets', () => {
  test('URLs are of HTTP, and hold no password and no fragment', () => {
    for (const good of ['https://a.example/x?y=z', 'http://10.0.0.1:8080', 'env:SLACK_URL']) {
      assert.equal(urlProblem(good), undefined, good)
    }
    for (const bad of [
      'ftp://a',
      'a',
      'https://u:p@a',
      'https://a/#x',
      'env:',
      'env:a b',
      'file:/x',
    ]) {
      assert.notEqual(urlProblem(bad), undefined, bad)
    }
  })

  test('the secret part of a URL is not shown', () => {
    const url = 'https://hooks.example/T1/secret?token=secret'
    assert.equal(shownPlace({ kind: 'slack', url }), 'https://hooks.example/...')
    const secrets = [{ secret: 'env:S', untilMs: null }]
    assert.equal(shownPlace({ kind: 'webhook', url, secrets }), 'https://hooks.example/...')
  })

  test('a new secret signs at once, and the ones before it for a day more', () => {
    const once = rotateSecrets([{ secret: 'a', untilMs: null }], 'b', 1000)
    const day = 24 * 3_600_000
    assert.deepEqual(once, [
      { secret: 'b', untilMs: null },
      { secret: 'a', untilMs: 1000 + day },
    ])
    const twice = rotateSecrets(once, 'c', 2000)
    assert.deepEqual(
      twice.map(({ untilMs }) => untilMs),
      [null, 2000 + day, 1000 + day],
    )
    assert.deepEqual(
      rotateSecrets(twice, 'd', 1001 + day).map(({ secret }) => secret),
      ['d', 'c', 'b'],
    )
  })

  test('a secret has 24 to 64 bytes', () => {
    const lengths = [23, 24, 64, 65].map(
      (bytes) => parseWebhookSecret(formatWebhookSecret(Buffer.alloc(bytes)))?.length,
    )
    assert.deepEqual(lengths, [undefined, 24, 64, undefined])
    assert.equal(parseWebhookSecret('whsec_*'), undefined)
  })
})
