// How the gateway signs a reply: bound to the request and to the request's own signature, so that
// the two together show who asked what, and what was answered.
import { createComponent, type Component } from './component.ts'
import { buildSignatureBase, type RequestMessage, type ResponseMessage } from './signature-base.ts'

export const responseTag = 'airworthy-response'
export const responseLabel = 'sig1'

/** What of the reply is signed where it is there: its body, and what leads to its record. */
const whenSent = [
  'content-digest',
  'content-type',
  'airworthy-call',
  'airworthy-receipt',
  'airworthy-decision',
]

export type ReplySigner = {
  /** RFC 7638 thumbprint of the public key. */
  readonly thumbprint: string
  /** The signature's 64 bytes, for ECDSA as r and s. */
  readonly sign: (message: Buffer) => Promise<Buffer>
}

export type ReplyToSign = {
  readonly request: RequestMessage
  readonly response: ResponseMessage
  readonly created: number
  readonly keyId: string
  /** Of the request's signature; undefined where the request had none. */
  readonly signed: { readonly label: string; readonly nonce: string } | undefined
}

const ofReply = { status: createComponent('@status') }
const fieldsOfReply = whenSent.map((name) => createComponent(name))
const ofRequest = ['@method', '@authority', '@path'].map((name) =>
  createComponent(name, { isOfRequest: true }),
)

/** The base to sign, and the value of Signature-Input. */
export function prepareReplySignature(reply: ReplyToSign): { base: string; input: string } {
  const { request, response, signed } = reply
  const components: Component[] = [
    ofReply.status,
    ...fieldsOfReply.filter(({ name }) => response.field(name) !== undefined),
    ...ofRequest,
  ]
  if (signed !== undefined) {
    components.push(createComponent('signature', { isOfRequest: true, key: signed.label }))
  }
  const covered = components.map(({ text }) => text).join(' ')
  const nonce = signed === undefined ? '' : `;nonce="${signed.nonce}"`
  const parameters = `(${covered});created=${reply.created};keyid="${reply.keyId}"${nonce};tag="${responseTag}"`
  return {
    base: buildSignatureBase({ components, parameters }, { request, response }),
    input: `${responseLabel}=${parameters}`,
  }
}
