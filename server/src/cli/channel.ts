// airworthy channel add | edit | list | show | test | rotate | remove | deliveries | retry
import type { Channel, ChannelKind, Delivery, DeliveryState } from '@airworthy/sdk'
import { Argument, type Command, Option } from 'commander'
import {
  type AddOptions,
  type EditOptions,
  readChannel,
  readEdit,
  secretOf,
} from './channel-options.ts'
import { connect, globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

const deliveriesDefault = 50

type DeliveryOptions = {
  readonly channel?: string
  readonly about?: string
  readonly state?: DeliveryState
  readonly limit: string
}

export function addChannelCommands(program: Command): void {
  const channel = program.command('channel').description('where people are told of what waits')
  addAdd(channel)
  addEdit(channel)
  channel
    .command('list')
    .description('list channels, and how many messages have arrived')
    .action((_, command: Command) => list(command))
  channel
    .command('show')
    .description('show a channel, without its secrets')
    .argument('<name>')
    .action((name: string, _, command: Command) => show(name, command))
  channel
    .command('test')
    .description('send a message now; ends with 1 where it does not arrive')
    .argument('<name>')
    .action((name: string, _, command: Command) => test(name, command))
  channel
    .command('rotate')
    .description('give a webhook a new secret; the one before signs for 24 hours more')
    .argument('<name>')
    .option('--secret <env:NAME>', 'the new one; else one is made')
    .option('--secret-file <file>', 'the same, from a file; - is standard input')
    .action((name: string, options: Pick<AddOptions, 'secret' | 'secretFile'>, command: Command) =>
      rotate(name, options, command),
    )
  channel
    .command('remove')
    .description('remove a channel: what waits to be sent there is sent no more')
    .argument('<name>')
    .action((name: string, _, command: Command) => remove(name, command))
  channel
    .command('deliveries')
    .description('list messages and how far they have come, the newest first')
    .option('--channel <name>', 'of one channel')
    .option('--about <id>', 'about one hold, kill, session or proposal')
    .addOption(new Option('--state <state>', 'which').choices(['pending', 'sent', 'dead']))
    .option('--limit <count>', 'at most so many', String(deliveriesDefault))
    .action((options: DeliveryOptions, command: Command) => deliveries(options, command))
  channel
    .command('retry')
    .description('send a dead message again')
    .argument('<delivery>', 'its id')
    .action((id: string, _, command: Command) => retry(id, command))
}

/** What is sent, and about whom. */
function withFilter(command: Command): Command {
  return command
    .option('--kinds <kinds>', 'what is sent; default: all but hold.decided')
    .option('--agents <names>', 'only about these agents')
    .option('--teams <owners>', 'only about agents of these owners')
    .addOption(
      new Option('--min-stakes <stakes>', 'only about agents of at least these').choices([
        'low',
        'medium',
        'high',
      ]),
    )
    .option('--hide-amount', 'leave amounts out')
}

function addEdit(channel: Command): void {
  withFilter(channel.command('edit'))
    .description('change what a channel is called, and what it sends about whom')
    .argument('<name>')
    .option('--name <name>', 'what it is called from now on')
    .option('--show-amount', 'leave amounts in')
    .addHelpText('after', "\n--agents '' and --teams '' : about all of them again")
    .action((name: string, options: EditOptions, command: Command) => edit(name, options, command))
}

function addAdd(channel: Command): void {
  withFilter(channel.command('add'))
    .description('add a channel')
    .argument('<name>')
    .addArgument(new Argument('<kind>').choices(['webhook', 'slack', 'teams', 'email']))
    .option('--to <where>', 'a URL, or env:NAME of the server; email: addresses, commas between')
    .option('--to-file <file>', 'the URL, from a file; - is standard input')
    .option('--secret <env:NAME>', 'webhook: what is signed with; else one is made')
    .option('--secret-file <file>', 'the same, from a file; - is standard input')
    .option('--smtp <host[:port]>', 'email: the mail server')
    .addOption(
      new Option('--tls <how>', 'email: starttls (default), implicit, none').choices([
        'starttls',
        'implicit',
        'none',
      ]),
    )
    .option('--user <name>', 'email: as whom to sign in')
    .option('--password <env:NAME>', 'email: the password')
    .option('--password-file <file>', 'the same, from a file; - is standard input')
    .option('--from <address>', 'email: the sender')
    .addHelpText(
      'after',
      '\nExamples:\n  airworthy channel add ops slack --to env:SLACK_WEBHOOK_URL\n' +
        '  airworthy channel add mail email --smtp smtp.example.com --user airworthy \\\n' +
        '    --password env:SMTP_PASSWORD --from airworthy@example.com --to duty@example.com',
    )
    .action((name: string, kind: ChannelKind, options: AddOptions, command: Command) =>
      add({ name, kind }, options, command),
    )
}

async function add(
  named: { readonly name: string; readonly kind: ChannelKind },
  options: AddOptions,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const body = await readChannel(named, options)
  const added = await (await connect(globals)).addChannel(body)
  if (globals.json === true) {
    printJson(added)
    return
  }
  printChannel(added.channel)
  tellSecret(added.secret)
  note(`Try it: airworthy channel test ${added.channel.name}`)
}

function tellSecret(secret: string | null): void {
  if (secret === null) return
  printFields({ secret })
  note('The secret is shown this once. The receiver verifies messages with it.')
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { channels } = await (await connect(globals)).listChannels()
  if (globals.json === true) {
    printJson({ channels })
    return
  }
  printTable(
    ['CHANNEL', 'KIND', 'PLACE', 'TO', 'FOR', 'PENDING', 'SENT', 'DEAD'],
    channels.map((each) => [
      each.name,
      each.kind,
      each.place,
      each.recipients.join(', '),
      whom(each),
      each.deliveries.pending,
      each.deliveries.sent,
      each.deliveries.dead,
    ]),
  )
  if (channels.length === 0) note('Nobody is told: "airworthy channel add --help" says how.')
}

function whom({ agents, teams, stakesMin }: Channel): string {
  const named = [...agents, ...teams]
  const who = named.length === 0 ? 'all' : named.join(', ')
  return stakesMin === 'low' ? who : `${who}, stakes ${stakesMin} or more`
}

async function show(name: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const channel = await (await connect(globals)).getChannel(name)
  if (globals.json === true) printJson(channel)
  else printChannel(channel)
}

function printChannel(channel: Channel): void {
  const { pending, sent, dead } = channel.deliveries
  printFields({
    channel: channel.name,
    kind: channel.kind,
    place: channel.place,
    to: channel.recipients.length === 0 ? null : channel.recipients.join(', '),
    for: whom(channel),
    sends: channel.kinds.join(', '),
    amounts: channel.hideAmount ? 'hidden' : 'shown',
    messages: `${pending} pending, ${sent} sent, ${dead} dead`,
    added: shortTime(channel.createdAt),
  })
}

async function edit(name: string, options: EditOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const change = readEdit(options)
  const edited = await (await connect(globals)).editChannel(name, change)
  if (globals.json === true) printJson(edited)
  else printChannel(edited)
}

async function test(name: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const tested = await (await connect(globals)).testChannel(name)
  if (tested.results.some(({ delivered }) => !delivered)) process.exitCode = exitCodes.error
  if (globals.json === true) {
    printJson(tested)
    return
  }
  for (const { recipient, delivered, failure, milliseconds } of tested.results) {
    const to = recipient === '' ? name : recipient
    printLine(delivered ? `${to}  taken after ${milliseconds} ms` : `${to}  ${failure ?? ''}`)
  }
}

async function rotate(
  name: string,
  options: Pick<AddOptions, 'secret' | 'secretFile'>,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const secret = await secretOf('--secret', options.secret, options.secretFile)
  const client = await connect(globals)
  const rotated = await client.rotateChannel(name, secret === undefined ? {} : { secret })
  if (globals.json === true) {
    printJson(rotated)
    return
  }
  printLine(`${name} has a new secret; the one before signs for 24 hours more`)
  tellSecret(rotated.secret)
}

async function remove(name: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const removed = await (await connect(globals)).removeChannel(name)
  if (globals.json === true) printJson(removed)
  else printLine(`${removed.name} is removed: nobody is told there any more`)
}

async function deliveries(options: DeliveryOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { channel, about, state, limit } = options
  if (!/^\d{1,4}$/.test(limit)) {
    throw new UsageError(`--limit must be a whole number, but is ${JSON.stringify(limit)}`)
  }
  const page = await (
    await connect(globals)
  ).listDeliveries({
    limit: Number(limit),
    ...(channel === undefined ? {} : { channel }),
    ...(about === undefined ? {} : { subject: about }),
    ...(state === undefined ? {} : { state }),
  })
  if (globals.json === true) {
    printJson(page)
    return
  }
  printTable(
    ['MESSAGE', 'CHANNEL', 'TO', 'WHAT', 'ABOUT', 'STATE', 'TRIES', 'NEXT', 'FAILURE'],
    page.deliveries.map((each) => [
      each.id,
      each.channel,
      each.recipient,
      each.kind,
      each.subject,
      each.state,
      each.attempts,
      shortTime(each.nextAt),
      each.failure,
    ]),
  )
  if (page.next !== null) note(`The newest ${limit} are shown; --limit shows more.`)
}

async function retry(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const delivery: Delivery = await (await connect(globals)).retryDelivery(id)
  if (globals.json === true) printJson(delivery)
  else printLine(`${delivery.id} is sent again`)
}
