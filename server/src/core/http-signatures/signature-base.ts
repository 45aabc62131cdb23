// The bytes that are signed (RFC 9421, section 2.5): a line for each covered component, and the
// parameters of the signature itself.
import { serializeInnerList, serializeItem, isInnerList } from 'structured-headers'
import { AirworthyError } from '../errors.ts'
import type { Component } from './component.ts'
import { readDictionary } from './signature-fields.ts'

export type RequestMessage = {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Lower case, without the default port of its scheme: `example.com`, `127.0.0.1:4100`. */
  readonly authority: string
  /** Path and query, as they were sent: `/v1/messages?beta=true`. */
  readonly target: string
  /** The value of a field by its name in lower case; lines of one name are joined by `, `. */
  readonly field: (name: string) => string | undefined
}

export type ResponseMessage = {
  readonly status: number
  readonly field: (name: string) => string | undefined
}

export type Message = { readonly request: RequestMessage; readonly response?: ResponseMessage }

/** Throws `signature.incomplete` where the message lacks what is covered. */
export function buildSignatureBase(
  covered: { readonly components: readonly Component[]; readonly parameters: string },
  message: Message,
): string {
  let base = ''
  for (const component of covered.components) {
    base += `${component.text}: ${componentValue(component, message)}\n`
  }
  return `${base}"@signature-params": ${covered.parameters}`
}

function componentValue(component: Component, message: Message): string {
  const { request, response } = message
  const value = component.name.startsWith('@')
    ? derivedValue(component, message)
    : fieldValue(component, component.isOfRequest || response === undefined ? request : response)
  if (value === undefined || /[^\t -~]/.test(value)) {
    const text = `the signature covers ${component.text}, which the message does not have in ASCII`
    throw new AirworthyError('signature.incomplete', text)
  }
  return value
}

function derivedValue(component: Component, message: Message): string | undefined {
  const { request, response } = message
  if (component.name === '@status') {
    return component.isOfRequest ? undefined : response?.status.toString()
  }
  if ((response !== undefined) !== component.isOfRequest) return undefined
  const { method, scheme, authority, target } = request
  switch (component.name) {
    case '@method':
      return method
    case '@target-uri':
      return `${scheme}://${authority}${target}`
    case '@authority':
      return authority
    case '@scheme':
      return scheme
    case '@request-target':
      return target
    case '@path':
      return splitTarget(target).path
    case '@query':
      return splitTarget(target).query
    case '@query-param':
      return queryParameter(splitTarget(target).query, component.queryName ?? '')
    default:
      return undefined
  }
}

/** The query has its `?`, and is `?` alone where there is none (RFC 9421, section 2.2.7). */
function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf('?')
  if (at === -1) return { path: target, query: '?' }
  return { path: at === 0 ? '/' : target.slice(0, at), query: target.slice(at) }
}

/** One that is there twice cannot be covered: which is meant is open. */
function queryParameter(query: string, name: string): string | undefined {
  const found = [...new URLSearchParams(query)].filter(([key]) => encodeName(key) === name)
  return found.length === 1 && found[0] !== undefined ? encodeName(found[0][1]) : undefined
}

function encodeName(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function fieldValue(
  { name, key }: Component,
  of: { readonly field: (name: string) => string | undefined },
): string | undefined {
  const value = of.field(name)?.trim()
  if (value === undefined || key === undefined) return value
  // The usual field has one member, a string: canonical as it stands.
  const [, only, text] = /^([a-z][a-z0-9]{0,31})=("[ !#-[\]-~]{0,1000}")$/.exec(value) ?? []
  if (only === key) return text
  const member = readDictionary(name, value).get(key)
  if (member === undefined) return undefined
  return isInnerList(member) ? serializeInnerList(member) : serializeItem(member)
}
