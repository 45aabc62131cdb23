// System prompts as they were enrolled: fixed text with declared variable parts.
import type { CompiledPrompts } from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import { matchesParts } from './selector.ts'

const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g

/** The names of the variable parts of a template. */
export function promptVariables(template: string): string[] {
  return [...new Set([...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''))]
}

/**
 * A matcher of system prompts against all templates. A variable part stands for any text. Without
 * enrolled prompts there is nothing to compare with, so everything matches.
 */
export function compilePrompts(prompts: Manifest['prompts']): CompiledPrompts {
  const templates = prompts.map((prompt) => fixedParts(prompt.template))
  return {
    matchesPrompt: (systemText) =>
      templates.length === 0 || templates.some((parts) => matchesParts(systemText, parts)),
  }
}

function fixedParts(template: string): string[] {
  const parts: string[] = []
  let end = 0
  for (const match of template.matchAll(PLACEHOLDER)) {
    parts.push(template.slice(end, match.index))
    end = match.index + match[0].length
  }
  return [...parts, template.slice(end)]
}
