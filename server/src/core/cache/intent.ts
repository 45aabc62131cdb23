// What kind of answer a text asks for. Greetings and polite frames are taken off first.
import { auxiliaries } from './lexicon/words.ts'

export type Intent = {
  /** `how`, `how much`, `what`, `when`, `polar may`, `wish`, `command`, ... */
  readonly kind: string
  /** The words that said so, taken off the text. */
  readonly rest: readonly string[]
}

const frames: readonly RegExp[] = [
  /^(?:hi|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day)|excuse me|sorry|please|kindly|so|well|ok|okay|quick question|question|one more thing|also|and|thanks|team|there|everyone|all)\b[ ,:!.-]*/,
  /^(?:can|could|would|will) (?:you|someone|anyone|anybody|somebody) (?:please |kindly |maybe |possibly )?(?:tell|show|let|explain to|remind|teach|advise|inform) (?:me|us)(?: know)?(?: please)?(?: about)?\b[ ,]*/,
  /^(?:can|could|would|will) (?:you|someone|anyone|anybody|somebody) (?:please |kindly )?(?:explain|help me (?:understand|find out|figure out))\b(?= (?:how|what|when|where|why|who|which|whether|if)) */,
  /^(?:please |kindly )?(?:tell|remind|inform|teach) (?:me|us)\b(?= (?:please )?(?:how|what|when|where|why|who|which|whether|if)) */,
  /^(?:please |kindly )?explain(?: to me)?\b(?= (?:how to|how i|how do|how can)) */,
  /^(?:please |kindly )?let (?:me|us) know\b */,
  /^(?:i|we) (?:would|should|want|need|was|were|am|are|have|just|really|only|d)\b(?: just| really| also)?(?: like| love| wondering| trying| curious| hoping| looking| asking| interested)?(?: to)?(?: know| find out| learn| ask| understand| figure out| hear)\b(?: about)?[ ,]*/,
  /^(?:i|we) (?:was|were|am|are) (?:just )?(?:wondering|curious|asking)\b(?: about)?[ ,]*/,
  /^(?:i|we) (?:do not|don't) (?:know|understand)\b(?= (?:how|what|when|where|why|who|which)) */,
  /^(?:i|we) (?:have|got|had) a (?:quick )?question(?: about this| here)?\b[ ,:.-]*/,
  /^(?:do|does|would) (?:you|anyone|anybody|someone) (?:happen to )?know\b[ ,]*/,
  /^(?:do you have|have you got|is there) any (?:idea|clue)\b[ ,]*/,
  /^any (?:idea|clue)\b[ ,]*/,
  /^(?:if|whether)\b (?=(?:i|we|it|there|you|my|the)\b)/,
  /^(?:what i (?:want|need|would like) to know is|my question is|the question is)\b[ ,:]*/,
]
const tails = [
  /[ ,]*\b(?:please|thanks|thank you|thanks in advance|thank you very much|thanks a lot|many thanks|thx|cheers|for me|if possible|asap)[ !.?]*$/,
  /[ ,]*\b(?:can you help|could you help|do you know|any idea|can you tell me|could you tell me|please help|can anyone help|help me)[ !.?]*$/,
]

/** Each: how the text begins, and what it then asks. Tried in order. */
const openings: readonly (readonly [RegExp, string])[] = [
  [/^how (?:much (?:does|do|is|are|will|would)\b|(?:expensive|costly) (?:is|are)\b)/, 'how much'],
  [
    /^(?:what|which) (?:is|are|will be|would be|s) (?:the )?(?:total )?(?:price|cost|fee|charge|costs|prices)(?: of| for)?\b/,
    'how much',
  ],
  [/^(?:price|cost) of\b/, 'how much'],
  [/^what (?:does|do|will|would)\b(?=.* (?:cost|costs)\b)/, 'how much'],
  [/^how (?:much|many)\b/, 'how many'],
  [/^(?:what|which) (?:is|are) (?:the )?(?:number|count) of\b/, 'how many'],
  [
    /^how (long|often|far|old|big|large|tall|high|deep|fast|soon|late|early|heavy|wide|good|bad|likely|safe|accurate|hot|cold|hard|difficult|easy)\b/,
    'how $1',
  ],
  [/^how come\b/, 'why'],
  [
    /^(?:how (?:do|does|can|could|should|would|might|may|to|must)|how (?:am|is|are) (?:i|we|one|you) (?:supposed|able|meant) to|in what way (?:do|can))\b(?: (?:i|we|one|to|go about)\b)*/,
    'how',
  ],
  [
    /^(?:what|which) (?:is|are|would be|s) (?:a|an|the|some|any|your)? ?(?:best |easiest |right |correct |proper |simplest |recommended |quickest |fastest )?(?:way|ways|steps|step|procedure|process|method|approach|means)(?: for me| for us)? (?:to|of|for)\b/,
    'how',
  ],
  [
    /^(?:what|which) steps (?:do|should|must|can|are)\b(?: (?:i|we|one|you))?(?: (?:take|follow|need|have))?(?: to)?(?: take to| follow to)?\b/,
    'how',
  ],
  [
    /^what (?:do|should|must|can) (?:i|we|one|you) (?:have to |need to )?do (?:to|in order to|if i want to)\b/,
    'how',
  ],
  [/^(?:the )?(?:steps|instructions|guide|way) (?:to|for|on)\b/, 'how'],
  [/^how (?:is|are|was|were)\b/, 'how is'],
  [/^how\b/, 'how'],
  [
    /^(?:at |on |by |until |since )?(?:what|which) (?:time|date|day|year|month|week)\b(?: of the (?:day|week|year|month))?/,
    'when',
  ],
  [/^(?:since |until |by )?when\b/, 'when'],
  [/^(?:in |at |to |from )?(?:what|which) (?:place|location)\b/, 'where'],
  [/^(?:from |to )?where\b(?: exactly)?/, 'where'],
  [
    /^(?:what|which) (?:is|are|s) (?:the )?(?:reason|reasons|cause|causes) (?:that|why|for|of|behind)\b/,
    'why',
  ],
  [/^(?:for )?what reason\b/, 'why'],
  [/^why\b/, 'why'],
  [/^(?:with |to |by |for )?who(?:m|se)?\b/, 'who'],
  [/^(?:tell|give) (?:me|us) the\b/, 'what'],
  [/^what (?:does|do) (?=.* mean\b)/, 'what'],
  [/^(?:the )?(?:definition|meaning) of\b/, 'what'],
  [/^define\b/, 'what'],
  [/^(?:what|which) (?:is|are|s)\b(?: meant by| the meaning of| the definition of)?/, 'what'],
  [/^(?:in |on |at |to |for |with |from |by )?(?:what|which)\b/, 'what'],
  [
    /^(?:is|was) (?:it|there) (?:a |any |some )?(?:possible|possibility|way|option|chance)(?: for me| for us| of| for)? ?(?:to)?\b/,
    'polar may',
  ],
  [/^(?:can|could|may|might) (?:i|we|one)\b/, 'polar may'],
  [/^(?:am|is|are) (?:i|we|one) (?:able|allowed|permitted) to\b/, 'polar may'],
  [/^(?:do|does) (?:i|we|one) (?:have|need) to\b/, 'polar must'],
  [/^(?:must|shall) (?:i|we|one)\b/, 'polar must'],
  [/^(?:am|is|are) (?:i|we|one) (?:required|obliged|forced|supposed) to\b/, 'polar must'],
  [/^(?:should|ought) (?:i|we|one)\b/, 'polar should'],
  [/^(?:have|has|had|did|was|were)\b/, 'polar past'],
  [/^(?:will|would|is|are|am) (?:i|we|it|they|the|my|there|you) (?:be )?going to\b/, 'polar will'],
  [/^will\b/, 'polar will'],
  [
    /^(?:i|we) (?:would like|want|wish|need|am trying|are trying|am looking|would love|plan|have|intend)(?: to)?\b/,
    'wish',
  ],
  [/^(?:please )?(?:help me|help us|assist me)(?: to| with)?\b/, 'wish'],
]

export function readIntent(words: readonly string[]): Intent {
  let text = toTheEnd(words.join(' '))
  for (let round = 0; round < 6; round += 1) {
    const before = text
    for (const frame of frames) text = text.replace(frame, '').trim()
    for (const tail of tails) text = text.replace(tail, '').trim()
    text = toTheEnd(text)
    if (text === before) break
  }
  for (const [pattern, kind] of openings) {
    const match = pattern.exec(text)
    if (match === null) continue
    const rest = text
      .slice(match[0].length)
      .replace(kind === 'what' ? / mean$/ : /$^/, '')
      .trim()
    return { kind: kind.replace('$1', match[1] ?? ''), rest: wordsOf(rest) }
  }
  const rest = wordsOf(text)
  const [first = ''] = rest
  if (auxiliaries.has(first)) return { kind: `polar ${first}`, rest }
  return {
    kind: /^(?:i|we|my|our|it|he|she|they|there)$/.test(first) ? 'statement' : 'command',
    rest,
  }
}

/** "On Ubuntu, how do I ...": "how do I ... on Ubuntu". */
function toTheEnd(text: string): string {
  return text.replace(leadingPhrase, (_, phrase: string, rest: string) => `${rest} ${phrase}`)
}

const leadingPhrase =
  /^((?:in|on|at|for|with|using|instead of|under|during) [^,]{1,60}) , ((?:how|what|when|where|why|who|which|can|could|do|does|is|are|may|should) .*)$/

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split(' ')
}
