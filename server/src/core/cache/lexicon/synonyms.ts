// Words and phrases of English that may stand for one another in a question, one group a line: the
// first is what all of them are read as. A group belongs here only where no reader would answer one
// member otherwise than another; in doubt a word stays out, and the cache refuses.

const groups = `
email: e-mail, mail address, email address
login: log in, sign in, log on, logon, signin, log into, sign into
logout: log out, sign out, log off, signout
register: sign up, signup, create an account, open an account, make an account, set up an account
password: passcode, pass word
reset: set a new
delete: remove, erase, get rid of, take off
change: modify, update, edit, alter, amend
buy: purchase
start: begin, commence
finish: complete
fix: repair, resolve, solve, sort out
show: display
require: need
use: utilize, utilise, employ, make use of
help: assist, aid
way: method, approach
find: locate
get: obtain, receive, acquire
give: provide, supply
big: large
fast: quick, quickly, rapid, rapidly
choose: select, pick
shipping: delivery, postage
ship: deliver
phone: telephone
mobile: cell phone, cellphone, mobile phone, smartphone
photo: picture, photograph, pic
movie: film
doctor: physician
car: automobile
child: kid, children
person: people
man: men
woman: women
company: firm, business
job: occupation
maximum: max
minimum: min
information: info, details
application: app
repository: repo
directory: folder
documentation: docs
configuration: config, configurations
configure: set up, setup
parameter: argument, param
environment: env
database: db
function: func
error: error message
picture size: image size
connect: link
contact: reach, get in touch with, get hold of, get in contact with
customer service: customer support, support team, customer care
employee: staff member
vacation: annual leave, holiday leave
invoice: bill
meaning: definition
difference: distinction
between: among
example: instance
list: enumerate
test: try out
allow: permit, let
forbid: prohibit
happen: occur, take place
arrive: get here, turn up
send: transmit
keep: retain
store: save
important: essential, crucial, vital
main: primary, principal, chief
hard: difficult, tough
easy: simple
easily: simply
wrong: incorrect
broken: not working
regularly: frequently, often
about: regarding, concerning, with regard to
also: as well
but: however
same: identical
free: free of charge, at no cost, for free
cheap: inexpensive
expensive: costly, pricey
house: home
road: street
city: town
near: close to, nearby
color: colour, colours, colors
favorite: favourite
behavior: behaviour, behaviours
center: centre
gray: grey
canceled: cancelled
canceling: cancelling
traveler: traveller
license: licence
check: cheque
catalog: catalogue
dialog: dialogue
program: programme
tire: tyre
cannot: unable
everyone: everybody
someone: somebody
anyone: anybody
nobody: no one
television: tv
refrigerator: fridge
bicycle: bike
laptop: notebook computer
usa: united states, united states of america
uk: united kingdom, great britain
step: stage
result: outcome
amount: quantity
choice: option
benefit: advantage
drawback: disadvantage, downside
feature: capability
data set: dataset
dataset: data set
python: python programming language
method call: call of the method
specify: define, indicate
contain: include
enable: activate, switch on, turn on
disable: deactivate, switch off, turn off
build: construct
make: create, produce, generate
write: compose, draft
explain: describe
translate: convert
summarize: summarise, sum up, give a summary of, give me a summary of
calculate: compute, work out
cook: prepare
capital: capital city
population: number of inhabitants
exchange: swap
return: send back, give back
track: follow
cancel: call off
postpone: put off, delay
pay: pay for
payment method: way of paying, way to pay
card: bank card
credit card: creditcard
gift card: gift voucher
discount code: promo code, coupon code, promotional code, voucher code
warranty: guarantee
user guide: manual, handbook
upload: put up
download: pull down
quickly: fast
screen: display screen
opening hour: opening time, business hour, hours of operation, open hour
size: dimension
weight: mass
allergy: allergic reaction
flu: influenza
symptom: sign
painkiller: pain reliever
lawyer: attorney
salary: pay rate, wage
landlord: property owner
garbage: trash, rubbish
elevator: lift
gasoline: petrol
cookie: biscuit
eggplant: aubergine
zucchini: courgette
sweater: jumper
vacuum cleaner: hoover
`

export type Phrase = { readonly words: readonly string[]; readonly stands: string }

/** By first word, the longest phrase first. */
export const phrases: ReadonlyMap<string, readonly Phrase[]> = readGroups()

function readGroups(): Map<string, Phrase[]> {
  const found = new Map<string, Phrase[]>()
  for (const line of groups.trim().split('\n')) {
    const [head = '', members = ''] = line.split(': ')
    const stands = head.replaceAll(' ', '_')
    for (const member of [head, ...members.split(', ')]) {
      const words = member.split(' ')
      const [first = ''] = words
      const list = found.get(first) ?? []
      found.set(first, list)
      // The first group that names a phrase keeps it.
      if (!list.some((known) => known.words.join(' ') === member)) list.push({ words, stands })
    }
  }
  for (const list of found.values()) list.sort((a, b) => b.words.length - a.words.length)
  return found
}
