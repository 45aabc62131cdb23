// Calls and rules that weaker engines let pass in silence. Every call must be denied although no
// rule means it, and every rule must be refused; the controls must pass, or denying would be easy.

export type Rule = {
  readonly effect: 'allow' | 'hold' | 'deny'
  readonly tools: readonly string[]
  readonly when: string
}

/** One rule, calls that must be denied under it, and calls that must not. */
export type CallCases = {
  readonly class: string
  readonly rule: Rule
  readonly tool: string
  /** Arguments as JSON text: some of them no parser of JavaScript would write. */
  readonly denied: Readonly<Record<string, string>>
  readonly allowed: Readonly<Record<string, string>>
}

const refund: Pick<Rule, 'tools'> = { tools: ['desk/refund'] }
const write: Pick<Rule, 'tools'> = { tools: ['desk/write_order'] }

function withAmount(amount: string): string {
  return `{"order_id":"a","amount":${amount}}`
}

function withNote(note: string): string {
  return JSON.stringify({ order_id: 'a', note })
}

function amounts(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, withAmount(text)]))
}

function notes(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, withNote(text)]))
}

const lookAlikes = {
  'full-width letters': '\uFF35\uFF33\uFF21',
  'a Cyrillic letter': 'US\u0410',
  'a Greek letter': 'US\u0391',
  'a zero-width space': 'U\u200BSA',
  'a zero-width joiner': 'US\u200DA',
  'a soft hyphen': 'U\u00ADSA',
  'a word joiner': '\u2060USA',
  'a right-to-left mark': 'USA\u200F',
  'a variation selector': 'USA\uFE0F',
  'a grapheme joiner': 'U\u034FSA',
  'a no-break space at the end': 'USA\u00A0',
  'a space at the end': 'USA ',
  'mathematical letters': '\u{1D414}\u{1D412}\u{1D400}',
  'circled letters': '\u24CA\u24C8\u24B6',
  'a tag character': 'USA\u{E0041}',
}

export const callCases: readonly CallCases[] = [
  {
    class: 'amounts of money',
    rule: { ...refund, effect: 'hold', when: 'call.amount > 20000' },
    tool: 'refund',
    denied: {
      'the key is missing': '{"order_id":"a"}',
      ...amounts({
        'a thousands separator': '"5,000"',
        'a European separator': '"5.000,00"',
        'a negative number': '-5',
        'a negative text': '"-5"',
        parentheses: '"(5)"',
        'a currency sign': '"$5"',
        'an empty text': '""',
        'a leading space': '" 5"',
        'a plus sign': '"+5"',
        'an exponent': '"1e2"',
        hexadecimal: '"0x10"',
        'not a number': '"NaN"',
        infinity: '"Infinity"',
        'a tenth of a cent': '5.001',
        'full-width digits': '"\uFF15\uFF10"',
        'Arabic digits': '"\u0665\u0660"',
        'fifty digits': `"${'9'.repeat(50)}"`,
        'a leading zero': '"007"',
        'a list': '["5"]',
        null: 'null',
        'an integer beyond 2^53': '9007199254740993',
        'a number beyond every double': '1e400',
        'a float that no double holds': '0.1000000000000000055511151231257827',
      }),
      'the key twice': '{"order_id":"a","amount":1,"amount":50000}',
      'a lone surrogate': '{"order_id":"\\ud800","amount":1}',
    },
    allowed: amounts({ 'a number': '5', 'a decimal text': '"199.99"' }),
  },
  {
    class: 'numbers against a rule',
    rule: { ...write, effect: 'deny', when: 'args.amount > 100' },
    tool: 'write_order',
    denied: {
      'the key is missing': '{"order_id":"a"}',
      ...amounts({
        'a thousands separator': '"5,000"',
        'a number as text': '"150"',
        parentheses: '"(150)"',
        'an integer beyond 2^53': '9007199254740993',
        'a double beyond 2^53': '-1e300',
        null: 'null',
        'a list': '[150]',
        'an object': '{"value":150}',
        true: 'true',
      }),
    },
    allowed: amounts({ 'a small number': '5', 'a small float': '99.5' }),
  },
  {
    class: 'equality of two types',
    rule: { ...write, effect: 'deny', when: 'args.amount == 500' },
    tool: 'write_order',
    denied: amounts({ 'the number as text': '"500"', 'a text with a separator': '"5,00"' }),
    allowed: amounts({ 'another number': '499' }),
  },
  {
    class: 'keys of a map',
    rule: { ...write, effect: 'deny', when: "args.labels.tier == 'gold'" },
    tool: 'write_order',
    denied: {
      'the map is missing': '{"order_id":"a"}',
      'the key is missing': '{"order_id":"a","labels":{}}',
      'another case of the key': '{"order_id":"a","labels":{"Tier":"gold"}}',
      'a number': '{"order_id":"a","labels":{"tier":5}}',
      'a list': '{"order_id":"a","labels":{"tier":["gold"]}}',
      null: '{"order_id":"a","labels":{"tier":null}}',
      'a look-alike': '{"order_id":"a","labels":{"tier":"g\u043Eld"}}',
    },
    allowed: { 'another value': '{"order_id":"a","labels":{"tier":"tin"}}' },
  },
  {
    class: 'arguments against the schema',
    rule: { ...write, effect: 'deny', when: "args.note == 'never'" },
    tool: 'write_order',
    denied: {
      'a number for a text': '{"order_id":5,"note":"n"}',
      'an unknown argument': '{"order_id":"a","note":"n","Amount":5}',
      'a list for a text': '{"order_id":"a","note":["never"]}',
      'the optional key is missing': '{"order_id":"a"}',
    },
    allowed: { 'another note': '{"order_id":"a","note":"n"}' },
  },
  {
    class: 'look-alikes, ==',
    rule: { ...write, effect: 'deny', when: "args.note == 'USA'" },
    tool: 'write_order',
    denied: notes(lookAlikes),
    allowed: notes({
      'another country': 'DE',
      'other scripts': '\u0420\u043E\u0441\u0441\u0438\u044F',
    }),
  },
  {
    class: 'look-alikes, in, startsWith, endsWith, contains',
    rule: {
      ...write,
      effect: 'deny',
      when:
        "args.note in ['IR', 'KP'] || args.note.startsWith('rm ') || " +
        "args.note.endsWith('.exe') || args.note.contains('password')",
    },
    tool: 'write_order',
    denied: notes({
      'in: a full-width letter': '\uFF2BP',
      'startsWith: a Cyrillic letter': '\u0433m all',
      'startsWith: an invisible character': '\u200Brm all',
      'endsWith: a Cyrillic letter': 'setup.\u0435xe',
      'contains: a Cyrillic letter': 'my p\u0430ssword is',
      'contains: an invisible character': 'pass\u00ADword',
      'contains: full-width letters': '\uFF50\uFF41\uFF53\uFF53\uFF57\uFF4F\uFF52\uFF44',
    }),
    allowed: notes({ 'plain text': 'hello', 'accented text': 'caf\u00E9, se\u00F1or' }),
  },
  {
    class: 'a quotient',
    rule: { ...write, effect: 'deny', when: 'session.denied / session.toolCalls > 2' },
    tool: 'write_order',
    denied: { 'a division by zero': '{"order_id":"a"}' },
    allowed: {},
  },
]

const deny: Pick<Rule, 'effect'> = { effect: 'deny' }

/** Rules that must be refused when they are enrolled. */
export const ruleCases: Readonly<Record<string, Rule>> = {
  'a misspelt argument': { ...deny, ...write, when: "args.noet == 'x'" },
  'a misspelt argument inside has()': { ...deny, ...write, when: 'has(args.noet)' },
  'a misspelt count': { ...deny, ...write, when: "session.done['desk/find_custmer'] == 0" },
  'a misspelt fact': { ...deny, ...write, when: 'session.wrties > 3' },
  'a misspelt root': { ...deny, ...write, when: 'arg.amount > 5' },
  'an amount that no contract declares': { ...deny, ...write, when: 'call.amount > 5' },
  'a tool that is not there': { ...deny, tools: ['desk/refnud'], when: 'call.write' },
  'a tool with a Cyrillic letter': { ...deny, tools: ['desk/r\u0435fund'], when: 'call.write' },
  'a tool in full-width letters': { ...deny, tools: ['\uFF44esk/refund'], when: 'call.write' },
  'a text against a number': { ...deny, ...write, when: 'args.note > 5' },
  'a text against a bool': { ...deny, ...write, when: 'args.note == true' },
  'a condition that is no bool': { ...deny, ...write, when: 'args.note' },
  'a condition that is never true': { ...deny, ...write, when: 'session.writes < 0' },
  'a contradiction': { ...deny, ...write, when: 'session.writes > 5 && session.writes < 3' },
  'a number read from a text': { ...deny, ...write, when: 'double(args.note) > 100.0' },
  'an integer read from a text': { ...deny, ...write, when: 'int(args.note) > 100' },
  'a quotient of what may be doubles': {
    ...deny,
    ...write,
    when: 'args.amount / args.amount > 1.0',
  },
  'an integer that CEL cannot hold': {
    ...deny,
    ...write,
    when: 'args.amount > 99999999999999999999',
  },
  'dyn(), which silences types': { ...deny, ...write, when: 'dyn(args.note) > 5' },
  'a regular expression': { ...deny, ...write, when: "args.note.matches('(a+)+$')" },
  'an argument by a computed name': { ...deny, ...write, when: "args[session.task] == 'x'" },
  'a variable that hides an argument': {
    ...deny,
    ...write,
    when: "['x'].exists(args, args == 'x')",
  },
  'no CEL at all': { ...deny, ...write, when: 'args.note = "x"' },
}
