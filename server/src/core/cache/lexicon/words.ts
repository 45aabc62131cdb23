// Closed classes of English words that the vetoes ask about.

function set(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}

/** They carry no meaning of their own in a question. */
export const empty =
  set(`the a an this that these those of for in on at is are am be it its there do does
  and please so then well ok okay just actually basically really exactly simply as i me my mine myself we
  us our ours you your yours yourself one s t would like could can to will shall did was were had been`)

export const auxiliaries =
  set(`do does did is are am was were can could will would shall should may might
  must has have had isn't aren't don't doesn't didn't won't can't couldn't`)

export const thirdPerson = set(
  'he him his himself she her hers herself they them their theirs themselves',
)

export const negations =
  set(`not no never none nothing nobody nowhere neither nor without cannot can't
  don't doesn't didn't isn't aren't wasn't weren't won't wouldn't shouldn't couldn't mustn't haven't
  hasn't hadn't except excluding excluded unless lack lacks lacking missing fail fails failed failing
  avoid prevent stop refuse hardly barely non un-`)

/** Words by which what is asked for turns round or narrows: on both sides, or on none. */
export const narrowing =
  set(`all every each any some only both most least more less fewer many few much
  always sometimes usually rarely first last next previous final initial another other else again still
  already yet even also instead alone together same different best worst better worse highest lowest
  biggest smallest largest longest shortest fastest slowest cheapest oldest newest latest earliest`)

/** A question about what was is another than about what is. */
export const pastAuxiliaries = set('did was were had been')

/** Pairs of which neither may stand for the other. */
const oppositePairs = `enable disable, on off, in out, up down, increase decrease, raise lower, allow deny,
  allow forbid, allow block, accept reject, approve reject, open close, open shut, start stop, start end, start finish,
  buy sell, import export, upload download, push pull, send receive, send get, lend borrow, give take, add delete,
  add remove, insert delete, install uninstall, login logout, lock unlock, block unblock, mute unmute,
  subscribe unsubscribe, follow unfollow, connect disconnect, attach detach, mount unmount, encrypt decrypt,
  encode decode, compress decompress, zip unzip, hide show, show conceal, expand collapse, grow shrink,
  rise fall, win lose, gain lose, pass fail, before after, above below, over under, inside outside,
  internal external, left right, north south, east west, front back, top bottom, high low, higher lower,
  big small, long short, hot cold, warm cool, heat cool, wet dry, light dark, heavy light, fast slow,
  early late, earlier later, young old, new old, rich poor, cheap expensive, free paid, public private, male female,
  husband wife, mother father, mum dad, son daughter, brother sister, boy girl, man woman, parent child,
  minimum maximum, more less, most least, best worst, better worse, good bad, pros cons, benefit drawback,
  advantage disadvantage, positive negative, true false, correct wrong, safe dangerous, safe unsafe,
  legal illegal, possible impossible, easy hard, hire fire, deposit withdraw, credit debit, asset liability,
  income expense, profit loss, save spend, save delete, keep delete, keep discard, create destroy, build destroy,
  arrive depart, arrival departure, arrive leave, enter exit, enter leave, join leave, come go, begin end,
  first last, next previous, past future, always never, day night, morning evening, summer winter, spring autumn,
  boil freeze, melt freeze, multiply divide, plus minus, subtract add, ascending descending, forward backward,
  forwards backwards, vertical horizontal, row column, input output, source destination, read write, client server,
  upgrade downgrade, promote demote, activate deactivate, engage disengage, agree disagree, like dislike, love hate,
  include exclude, with without, inbound outbound, domestic international, full empty, full partial, temporary permanent,
  manual automatic, manually automatically, synchronous asynchronous, online offline, strong weak, hard soft,
  cause prevent, cause treat, symptom treatment, question answer, teacher student, employer employee, buyer seller,
  landlord tenant, lender borrower, sender recipient, sender receiver, doctor patient, single double, single married,
  single return, gross net, wholesale retail, lossy lossless, mutable immutable, verify falsify, commit revert,
  refund charge, cancel confirm, cancel keep, cancel renew, freeze unfreeze, pause resume, archive restore,
  minor adult, vegan meat, even odd, parallel serial, local remote, upstream downstream, hardware software,
  acid base, hypertension hypotension, systolic diastolic, deductible premium, debit credit, stock bond`

/** Every word that has an opposite, and the words that turn it round. */
export const opposites: ReadonlyMap<string, ReadonlySet<string>> = readPairs()

function readPairs(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const pair of oppositePairs.split(',')) {
    const [a = '', b = ''] = pair.trim().split(/\s+/)
    found.set(a, (found.get(a) ?? new Set()).add(b))
    found.set(b, (found.get(b) ?? new Set()).add(a))
  }
  return found
}

/** Prepositions whose object has a part that another object must not take over. */
export const directions =
  set(`from into onto before after than over under by with against toward towards
  via through until till since during between versus vs instead above below behind beside per`)

/** After these, `to` only makes an infinitive. */
export const infinitiveLeads =
  set(`how want wants wanted need needs needed have has had like try tries tried
  able way ways going supposed possible required allowed order steps step best easiest used used ought
  method process procedure trying wish plan planning hope easiest quickest fastest what where when forget forgot
  easy hard simple difficult necessary safe ready happy me us you him her them takes take it help permitted`)

/** What is asked today is not what was asked yesterday: such a text is never found by likeness. */
export const relativeTimes =
  set(`today tonight tomorrow yesterday now currently presently latest recent
  recently nowadays ago upcoming lately`)
export const timeUnits = set(
  'second minute hour day week weekend month quarter year decade century',
)
export const thisTime = set('this next last past coming previous current')

export const calendarWords =
  set(`monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu
  thur thurs fri sat january february april june july august september october november
  december jan feb mar apr jun jul aug sep sept oct nov dec morning afternoon evening night noon midnight
  dawn dusk weekday weekdays weekend weekends christmas easter thanksgiving halloween ramadan diwali
  hanukkah summer winter spring autumn daily weekly monthly yearly annually annual hourly quarterly`)

/** Months that are also common words: dates where they are capital or stand by a number. */
export const ambiguousMonths = set('may march')

export const units: ReadonlyMap<string, string> = readUnits()

function readUnits(): Map<string, string> {
  const lines = `usd: dollar dollars bucks us$ $
    eur: euro euros €
    gbp: pound pounds £ quid
    jpy: yen ¥
    inr: rupee rupees ₹
    percent: % percentage pct
    km: kilometer kilometers kilometre kilometres kms
    m: meter meters metre metres
    cm: centimeter centimeters centimetre centimetres
    mm: millimeter millimeters millimetre millimetres
    mile: miles mi
    foot: feet ft
    inch: inches
    yard: yards yd
    kg: kilogram kilograms kilo kilos kgs
    g: gram grams
    mg: milligram milligrams
    lb: lbs
    oz: ounce ounces
    liter: liters litre litres l
    ml: milliliter milliliters millilitre millilitres
    gallon: gallons gal
    cup: cups
    second: seconds sec secs s
    minute: minutes mins
    hour: hours hrs hr h
    day: days
    week: weeks
    month: months
    year: years yrs yr
    gb: gigabyte gigabytes
    mb: megabyte megabytes
    tb: terabyte terabytes
    kb: kilobyte kilobytes
    celsius: c °c
    fahrenheit: f °f
    am: a.m.
    pm: p.m.
    degree: degrees °`
  const found = new Map<string, string>()
  for (const line of lines.split('\n')) {
    const [unit = '', others = ''] = line.trim().split(': ')
    for (const word of [unit, ...others.split(' ')]) found.set(word, unit)
  }
  return found
}

const small = `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
  fifteen sixteen seventeen eighteen nineteen twenty`.split(/\s+/)
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')

export const numberWords: ReadonlyMap<string, number> = new Map([
  ...small.map((word, value): [string, number] => [word, value]),
  ...tens.map((word, at): [string, number] => [word, (at + 2) * 10]),
])
export const multipliers: ReadonlyMap<string, number> = new Map([
  ['hundred', 100],
  ['thousand', 1_000],
  ['million', 1_000_000],
  ['billion', 1_000_000_000],
])
/** Numbers that are no sums: compared as they are. */
export const fixedNumbers =
  set(`half third quarter double triple twice once thrice dozen couple pair single
  second fourth fifth sixth seventh eighth ninth tenth hundreds thousands millions dozens 1st 2nd 3rd`)

/** Function words of other languages: one of them, and the lists here do not speak of the text. */
export const foreign =
  set(`der die das und ist nicht wie ich mein meine ein eine kann mit für auf wo wann
  warum el la los las que como donde cuando por qué cómo dónde mi una un es le les est une mon ma je
  comment où quand pourquoi il che come dove quando perché mio mia di het een niet mijn hoe waar wanneer
  och är hur jag min meu minha onde não uma jak gdzie kiedy ik kan kann wat para con del dans avec pour
  sur mes wer was`)
export const english =
  set(`the a an is are do does how what when where why who which can could i my to of in
  for on with and or not you your please should will would it that this if from at be have has was were
  did me we our by about there`)
