// Why a trigger asks for a person, in words that the agent, the person and the log are told. They
// hold no figures of the moment: an approval would not stand for a sentence that changes by itself.
import type { Firing, Trigger } from './escalation.ts'

const sentences: Readonly<Record<Trigger, Readonly<Record<string, string>>>> = {
  materiality: {
    amount: 'the amount is as large as the pact asks a person for',
    currency: 'the pact names no amount of this currency that needs no person',
    writes: 'the session has had the writes that need no person',
    data: 'the tool handles data of a class that needs a person',
  },
  confidence: {
    stated: 'the model said that it is less sure than the pact asks',
    logprobs: 'the model was less sure of its words than the pact asks',
    argument: 'the call says that it is less sure than the pact asks',
    score: 'the scorer is less sure of the call than the pact asks',
    missing: 'nobody said how sure the call is',
  },
  competence: { task: 'the agent has not shown that it is good at this task' },
  firstEncounter: {
    tool: 'the agent was never seen with this tool',
    arguments: 'the agent was never seen with arguments of this form',
    counterparty: 'the agent was never seen with this counterparty',
    task: 'the agent was never seen at this task',
  },
  doubt: {
    said: 'the agent said that it doubts',
    phrase: 'the words of the agent say that it doubts',
    field: 'the output of the agent is marked as doubtful',
    argument: 'the call is marked as doubtful',
  },
  anomaly: {
    calls: 'the agent makes more calls in this hour than it ever used to',
    spend: 'the agent spends more in this hour than it ever used to',
  },
  taint: {
    untrusted: 'the session has read untrusted content',
    private: 'the session has read private data',
  },
}

export function describeFiring({ trigger, codes }: Firing): string {
  const told = sentences[trigger]
  const why = codes.map((code) => (Object.hasOwn(told, code) ? told[code] : undefined) ?? code)
  return `${why.join('; ')}: a person decides`
}
