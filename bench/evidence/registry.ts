import type { Evidence } from './evidence.ts'

/** Every claim of the project that a program can check, by the name that `npm run evidence` takes. */
export const registry: Readonly<Record<string, Evidence>> = {
  replay: {
    claim:
      'A recorded run goes through the gateway call by call: same results, worlds, tokens and cost',
    quick: true,
    load: () => import('./replay.ts'),
  },
  'customer-first': {
    claim: 'A rule over the session stops exactly the sessions that break it, before any write',
    quick: true,
    load: () => import('./customer-first.ts'),
  },
  sigkill: {
    claim: 'A server killed at any moment runs no effect twice and loses no call',
    quick: true,
    load: () => import('./sigkill.ts'),
  },
  'shared-budget': {
    claim: '200 sessions on two gateways share one budget of 100 calls: exactly 100 go through',
    quick: true,
    load: () => import('./shared-budget.ts'),
  },
  'fresh-start': {
    claim: 'A fresh clone with an empty npm cache flies its sessions with one command, under 30 s',
    quick: true,
    load: () => import('./fresh-start.ts'),
  },
  'gateway-performance': {
    claim: 'The gateway keeps 0.7 of a durable floor and adds at most 2 ms and one commit',
    quick: true,
    load: () => import('./gateway-performance.ts'),
  },
  'bad-input': {
    claim: 'Bad input and broken parts get a clear typed error, and nothing stays reserved',
    quick: true,
    load: () => import('./bad-input.ts'),
  },
}
