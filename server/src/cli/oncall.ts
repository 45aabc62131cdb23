// airworthy oncall set | show
import type { Schedule, SetSchedule } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { printFields, printJson, printLine, printTable } from './terminal.ts'

type SetOptions = {
  readonly member: readonly string[]
  readonly zone: string
  readonly from: string
  readonly handover: string
  readonly days: string
}

export function addOncallCommands(program: Command): void {
  const oncall = program.command('oncall').description('who is on call to decide about held calls')
  oncall
    .command('set')
    .description('set a schedule, or replace it: members take turns')
    .argument('<name>', 'as policies name it in `onCall`')
    .requiredOption('--member <operator...>', 'names or ids, in the order of their shifts')
    .requiredOption('--zone <zone>', 'an IANA time zone, such as Europe/Paris')
    .requiredOption('--from <date>', "the date of the first member's first shift, YYYY-MM-DD")
    .option('--handover <time>', 'when shifts change, by the clocks of the zone', '09:00')
    .option('--days <n>', 'how long a shift is', '7')
    .action((name: string, options: SetOptions, command: Command) => set(name, options, command))
  oncall
    .command('show')
    .description('show who is on call now')
    .argument('[name]', 'one schedule; all without it')
    .action((name: string | undefined, _, command: Command) => show(name, command))
}

async function set(name: string, options: SetOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const shiftDays = Number(options.days)
  if (!Number.isInteger(shiftDays)) throw new UsageError('--days must be a whole number')
  const { member: members, zone, from: startsOn, handover: handoverAt } = options
  const body: SetSchedule = { members, zone, startsOn, handoverAt, shiftDays }
  const client = await connect(globals)
  const schedule = await client.setSchedule(name, body)
  if (globals.json === true) printJson(schedule)
  else print(schedule)
}

async function show(name: string | undefined, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  if (name !== undefined) {
    const schedule = await client.getSchedule(name)
    if (globals.json === true) printJson(schedule)
    else print(schedule)
    return
  }
  const { schedules } = await client.listSchedules()
  if (globals.json === true) {
    printJson({ schedules })
    return
  }
  if (schedules.length === 0) {
    printLine('There is no schedule.')
    return
  }
  printTable(
    ['SCHEDULE', 'ON CALL', 'MEMBERS', 'ZONE'],
    schedules.map((each) => [
      each.name,
      each.onCall?.name ?? '',
      each.members.map((member) => member.name).join(', '),
      each.zone,
    ]),
  )
}

function print(schedule: Schedule): void {
  printFields({
    schedule: schedule.name,
    'on call': schedule.onCall?.name ?? null,
    members: schedule.members.map((member) => member.name).join(', '),
    shifts: `of ${schedule.shiftDays} days, from ${schedule.startsOn} at ${schedule.handoverAt} ${schedule.zone}`,
  })
}
