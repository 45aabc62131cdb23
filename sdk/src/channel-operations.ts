import type { Requester } from './requester.ts'
import type {
  AddChannel,
  AddedChannel,
  Channel,
  ChannelList,
  ChannelTest,
  Delivery,
  DeliveryPage,
  DeliveryState,
  EditChannel,
  RemovedChannel,
  RotateChannel,
} from './wire/channel.ts'

type DeliveryQuery = {
  readonly channel?: string
  readonly subject?: string
  readonly state?: DeliveryState
  readonly after?: string
  readonly limit?: number
}

function at(name: string): string {
  return `/v1/channels/${encodeURIComponent(name)}`
}

/** Where people are told of what waits for them. */
export function channelOperations(
  { get, post }: Pick<Requester, 'get' | 'post'>,
  slow: { readonly timeoutMs: number },
) {
  return {
    addChannel: (body: AddChannel) => post<AddedChannel>('/v1/channels', body),
    listChannels: () => get<ChannelList>('/v1/channels'),
    getChannel: (name: string) => get<Channel>(at(name)),
    removeChannel: (name: string) => post<RemovedChannel>(`${at(name)}/remove`, {}),
    /** Sends a message now, and waits for it. */
    testChannel: (name: string) => post<ChannelTest>(`${at(name)}/test`, {}, slow),
    /** Changes its name and what it sends. */
    editChannel: (name: string, body: EditChannel) => post<Channel>(`${at(name)}/edit`, body),
    /** Gives a webhook a new secret. */
    rotateChannel: (name: string, body: RotateChannel = {}) =>
      post<AddedChannel>(`${at(name)}/rotate`, body),
    listDeliveries: (query: DeliveryQuery = {}) => get<DeliveryPage>('/v1/deliveries', query),
    /** Sends a dead message again. */
    retryDelivery: (id: string) =>
      post<Delivery>(`/v1/deliveries/${encodeURIComponent(id)}/retry`, {}),
  }
}
