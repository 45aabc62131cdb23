// What stands in the place of a person's name once the person was erased.
import { isUuid } from '../ids.ts'

const prefix = 'erased:'

export function erasedName(erasureId: string): string {
  return prefix + erasureId
}

export function isErasedName(name: string): boolean {
  return name.startsWith(prefix) && isUuid(name.slice(prefix.length))
}
