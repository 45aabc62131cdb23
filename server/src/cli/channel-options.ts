// What `airworthy channel add` and `edit` are told.
import type {
  AddChannel,
  ChannelKind,
  ChannelTarget,
  EditChannel,
  NoticeKind,
} from '@airworthy/sdk'
import { noticeKinds } from '../core/approval/notice.ts'
import { UsageError } from './failure.ts'
import { readTextFile } from './text-file.ts'

export type AddOptions = {
  readonly to?: string
  readonly toFile?: string
  readonly secret?: string
  readonly secretFile?: string
  readonly smtp?: string
  readonly tls?: 'starttls' | 'implicit' | 'none'
  readonly user?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly from?: string
} & FilterOptions

export type FilterOptions = {
  readonly kinds?: string
  readonly agents?: string
  readonly teams?: string
  readonly minStakes?: 'low' | 'medium' | 'high'
  readonly hideAmount?: boolean
}

export type EditOptions = FilterOptions & {
  readonly name?: string
  readonly showAmount?: boolean
}

/** Throws `UsageError` where something is missing, or does not belong to the kind. */
export async function readChannel(
  named: { readonly name: string; readonly kind: ChannelKind },
  options: AddOptions,
): Promise<AddChannel> {
  return {
    name: named.name,
    target: await readTarget(named.kind, options),
    ...readFilter(options),
  }
}

/** Throws `UsageError` where nothing is to change. */
export function readEdit(options: EditOptions): EditChannel {
  const { name, hideAmount, showAmount } = options
  if (hideAmount === true && showAmount === true) {
    throw new UsageError('--hide-amount and --show-amount exclude each other')
  }
  const edit: EditChannel = {
    ...(name === undefined ? {} : { name }),
    ...readFilter(options),
    ...(showAmount === true ? { hideAmount: false } : {}),
  }
  if (Object.keys(edit).length > 0) return edit
  throw new UsageError('say what is to change: --name, --kinds, --agents, --teams, ...')
}

function readFilter(options: FilterOptions): Omit<EditChannel, 'name'> {
  const { kinds, agents, teams, minStakes, hideAmount } = options
  return {
    ...(kinds === undefined ? {} : { kinds: readKinds(kinds) }),
    ...(agents === undefined ? {} : { agents: listOf(agents) }),
    ...(teams === undefined ? {} : { teams: listOf(teams) }),
    ...(minStakes === undefined ? {} : { stakesMin: minStakes }),
    ...(hideAmount === undefined ? {} : { hideAmount }),
  }
}

const ofEmail = ['smtp', 'tls', 'user', 'password', 'passwordFile', 'from'] as const
const ofWebhook = ['secret', 'secretFile'] as const

async function readTarget(kind: ChannelKind, options: AddOptions): Promise<ChannelTarget> {
  if (kind === 'email') {
    refuse(kind, options, ['toFile', ...ofWebhook])
    return readEmail(options)
  }
  refuse(kind, options, kind === 'webhook' ? ofEmail : [...ofEmail, ...ofWebhook])
  const url = await secretOf('--to', options.to, options.toFile)
  if (url === undefined) throw new UsageError(`a ${kind} channel needs --to or --to-file`)
  if (kind !== 'webhook') return { kind, url }
  const secret = await secretOf('--secret', options.secret, options.secretFile)
  return { kind, url, ...(secret === undefined ? {} : { secret }) }
}

async function readEmail(options: AddOptions): Promise<ChannelTarget> {
  const { smtp, tls, user, from, to } = options
  if (smtp === undefined || from === undefined || to === undefined) {
    throw new UsageError('an email channel needs --smtp, --from and --to')
  }
  const [, host = smtp, port] = /^(.*?):(\d{1,5})$/.exec(smtp) ?? []
  const password = await secretOf('--password', options.password, options.passwordFile)
  return {
    kind: 'email',
    host,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(tls === undefined ? {} : { tls }),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    from,
    to: listOf(to),
  }
}

/** A secret on the command line stays in the shell's history: only the name of a variable may. */
export async function secretOf(
  option: '--to' | '--secret' | '--password',
  text: string | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  if (file !== undefined) {
    if (text !== undefined) throw new UsageError(`${option} and ${option}-file exclude each other`)
    return (await readTextFile(file)).trim()
  }
  if (text === undefined || option === '--to' || text.startsWith('env:')) return text
  throw new UsageError(`${option} takes env:NAME; ${option}-file takes the value from a file, or -`)
}

function refuse(
  kind: ChannelKind,
  options: AddOptions,
  names: readonly (keyof AddOptions)[],
): void {
  const found = names.find((name) => options[name] !== undefined)
  if (found === undefined) return
  const option = found.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  throw new UsageError(`--${option} is not for a channel of the kind ${kind}`)
}

function readKinds(text: string): NoticeKind[] {
  return listOf(text).map((each) => {
    const kind = noticeKinds.find((known) => known === each)
    if (kind !== undefined) return kind
    throw new UsageError(`--kinds: ${JSON.stringify(each)} is none of ${noticeKinds.join(', ')}`)
  })
}

function listOf(text: string): string[] {
  const parts = text.split(',').map((each) => each.trim())
  return parts.filter((each) => each !== '')
}
