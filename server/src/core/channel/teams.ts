// A message as the workflow webhooks of Microsoft Teams take it: an Adaptive Card in an envelope.
import type { Message } from './message.ts'

/** Values stand in TextRuns, which read no Markdown: a value is no link and mentions nobody. */
export function teamsBody(message: Message): Readonly<Record<string, unknown>> {
  const title = {
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text: message.title, weight: 'Bolder', size: 'Large' }],
  }
  const facts = message.facts.map(({ label, value }) => ({
    type: 'RichTextBlock',
    spacing: 'Small',
    inlines: [
      { type: 'TextRun', text: `${label}: `, weight: 'Bolder' },
      { type: 'TextRun', text: value === '' ? '-' : value },
    ],
  }))
  const commands = message.commands.map((command) => ({
    type: 'RichTextBlock',
    spacing: 'Small',
    inlines: [{ type: 'TextRun', text: command, fontType: 'Monospace' }],
  }))
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [title, ...facts, ...commands],
          actions: [{ type: 'Action.OpenUrl', title: 'Open in Airworthy', url: message.url }],
        },
      },
    ],
  }
}
