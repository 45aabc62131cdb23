// What is sealed of a cached reply: the text that was asked, where it may be found by likeness, and
// the reply as its wire has it.

export type CachedContent = { readonly asked: string; readonly reply: Buffer }

/** JSON of the text, a line feed, the reply's bytes. */
export function writeContent({ asked, reply }: CachedContent): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(asked)}\n`), reply])
}

/** Throws for what writeContent did not write. */
export function readContent(bytes: Buffer): CachedContent {
  const end = bytes.indexOf('\n')
  const asked: unknown = JSON.parse(bytes.subarray(0, Math.max(end, 0)).toString('utf8'))
  if (typeof asked !== 'string') throw new TypeError('a cached reply without its question')
  return { asked, reply: bytes.subarray(end + 1) }
}
