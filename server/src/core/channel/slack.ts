// A message as Slack's incoming webhooks take it (Block Kit).
import type { Message } from './message.ts'

const fieldsOfSection = 10

/**
 * Values stand in plain_text, where no mention, link or format is read; `text`, which is shown in
 * notifications, is read as mrkdwn, so what begins one is escaped as Slack asks.
 */
export function slackBody(message: Message): Readonly<Record<string, unknown>> {
  const sections: unknown[] = []
  for (let at = 0; at < message.facts.length; at += fieldsOfSection) {
    const fields = message.facts
      .slice(at, at + fieldsOfSection)
      .map(({ label, value }) => plain(`${label}\n${value === '' ? '-' : value}`))
    sections.push({ type: 'section', fields })
  }
  const commands = message.commands.map((command) => plain(command))
  return {
    text: escapeMrkdwn(message.title),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plain(message.title) },
      ...sections,
      ...(commands.length === 0 ? [] : [{ type: 'context', elements: commands }]),
      { type: 'context', elements: [plain(message.url)] },
    ],
  }
}

/** Slack decodes these three in plain_text as well. */
function plain(text: string) {
  return { type: 'plain_text', text: escapeMrkdwn(text), emoji: false } as const
}

export function escapeMrkdwn(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
