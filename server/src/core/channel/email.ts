// A message as an e-mail: RFC 5322 with a plain text, quoted-printable, so that any server can carry it.
import type { Message } from './message.ts'

export type EmailEnvelope = {
  readonly from: string
  readonly to: string
  /** Stays the same when the message is sent again, so that mail programs show it once. */
  readonly messageId: string
  /** Messages of one hold lie in one thread. */
  readonly threadId: string
}

/** Bytes of the e-mail, lines ended by CRLF. Addresses must have been checked. */
export function formatEmail(message: Message, envelope: EmailEnvelope): Buffer {
  const domain = envelope.from.slice(envelope.from.lastIndexOf('@') + 1)
  const headers = [
    `From: Airworthy <${envelope.from}>`,
    `To: <${envelope.to}>`,
    `Subject: ${encodeHeader(message.title)}`,
    `Date: ${new Date(message.at).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${envelope.messageId}@${domain}>`,
    `References: <${envelope.threadId}@${domain}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
  ]
  return Buffer.from(`${headers.join('\r\n')}\r\n\r\n${quotedPrintable(emailText(message))}`)
}

/** What people read of a message that is only text. */
export function emailText(message: Message): string {
  const facts = message.facts.map(({ label, value }) => `${label}: ${value === '' ? '-' : value}`)
  return [message.title, '', ...facts, '', ...message.commands, message.url, ''].join('\n')
}

/** With `Subject: ` and what is around it, 76 characters at most. */
const encodedWordBytesMax = 39
const headerCharactersMax = 60

/**
 * Text of a header: as it is where it is short and of ASCII that can be seen, else encoded words (RFC
 * 2047) on folded lines. Nothing of it can end the header.
 */
export function encodeHeader(text: string): string {
  if (
    /^[\u0020-\u007E]*$/.test(text) &&
    text.length <= headerCharactersMax &&
    !text.includes('=?')
  ) {
    return text
  }
  const words: string[] = []
  let word = ''
  for (const character of text) {
    if (Buffer.byteLength(word + character) > encodedWordBytesMax) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map((each) => `=?utf-8?B?${Buffer.from(each).toString('base64')}?=`).join('\r\n ')
}

const lineCharactersMax = 76

/** RFC 2045, 6.7: lines of at most 76 characters, ended by CRLF. */
export function quotedPrintable(text: string): string {
  return text
    .split('\n')
    .map((line) => softBreaks(encodeLine(line)))
    .join('\r\n')
}

/** Each a character that stays, or a byte as `=XX`. */
function encodeLine(line: string): string[] {
  const units: string[] = []
  const bytes = Buffer.from(line.toWellFormed())
  bytes.forEach((byte, at) => {
    const isLast = at === bytes.length - 1
    const isSafe = (byte >= 33 && byte <= 126 && byte !== 61) || (byte === 32 && !isLast)
    const hex = byte.toString(16).toUpperCase().padStart(2, '0')
    units.push(isSafe ? String.fromCharCode(byte) : `=${hex}`)
  })
  return units
}

function softBreaks(units: readonly string[]): string {
  const lines: string[] = []
  let line = ''
  for (const unit of units) {
    if (line.length + unit.length >= lineCharactersMax) {
      lines.push(`${line}=`)
      line = ''
    }
    line += unit
  }
  lines.push(line)
  return lines.join('\r\n')
}
