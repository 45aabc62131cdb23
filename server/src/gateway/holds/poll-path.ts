// Where an agent asks how a held call stands, under the address that it reaches the gateway at.

export const holdsPath =
  /^\/holds\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\/?$/

export function pollPathOf(holdId: string): string {
  return `/holds/${holdId}`
}
