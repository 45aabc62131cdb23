// `{{args.order_id}}`: how a contract takes values from a call. Paths only, no expressions.
import { canonicalJson } from '../canonical.ts'

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly path: readonly string[] }

export type Template = { readonly source: string; readonly parts: readonly TemplatePart[] }

export type TemplateScope = Readonly<Record<string, unknown>>

export type Rendered =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'missing'; readonly path: string }

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g
const PATH = /^[A-Za-z_][\w-]*(\.[\w-]+)*$/

/** Splits a template into text and paths; undefined when a placeholder is not a path. */
export function parseTemplate(source: string): Template | undefined {
  const parts: TemplatePart[] = []
  let end = 0
  for (const match of source.matchAll(PLACEHOLDER)) {
    if (match.index > end) parts.push({ kind: 'text', text: source.slice(end, match.index) })
    const path = (match[1] ?? '').trim()
    if (!PATH.test(path)) return undefined
    parts.push({ kind: 'path', path: path.split('.') })
    end = match.index + match[0].length
  }
  if (end < source.length) parts.push({ kind: 'text', text: source.slice(end) })
  const isStray = parts.some((part) => part.kind === 'text' && /\{\{|\}\}/.test(part.text))
  return isStray ? undefined : { source, parts }
}

/** The paths that a template reads, in order. */
export function templatePaths(template: Template): readonly (readonly string[])[] {
  return template.parts.flatMap((part) => (part.kind === 'path' ? [part.path] : []))
}

/** Reads a path of own properties and list indexes; undefined when it leads nowhere. */
export function readPath(scope: unknown, path: readonly string[]): unknown {
  let value = scope
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

/**
 * Renders a template as an argument: a template that is one placeholder keeps the value with its
 * type, any other becomes text.
 */
export function renderTemplate(template: Template, scope: TemplateScope): Rendered {
  const [only] = template.parts
  if (template.parts.length === 1 && only?.kind === 'path') {
    const value = readPath(scope, only.path)
    return value === undefined ? missing(only.path) : { kind: 'ok', value }
  }
  return renderParts(template, scope, (value) =>
    typeof value === 'string' ? value : canonicalJson(value),
  )
}

/**
 * Renders a template as part of a key. Two different lists of values never give one text: strings
 * are quoted, so that "1" is not 1, and everything else stands in brackets of its own.
 */
export function renderKey(template: Template, scope: TemplateScope): Rendered {
  return renderParts(template, scope, (value) =>
    typeof value === 'string' || typeof value === 'object'
      ? canonicalJson(value)
      : `(${canonicalJson(value)})`,
  )
}

function renderParts(
  template: Template,
  scope: TemplateScope,
  show: (value: unknown) => string,
): Rendered {
  let text = ''
  for (const part of template.parts) {
    if (part.kind === 'text') {
      text += part.text
      continue
    }
    const value = readPath(scope, part.path)
    if (value === undefined) return missing(part.path)
    text += show(value)
  }
  return { kind: 'ok', value: text }
}

function missing(path: readonly string[]): Rendered {
  return { kind: 'missing', path: path.join('.') }
}
