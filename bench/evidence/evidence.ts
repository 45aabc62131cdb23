// What a piece of evidence is: a claim of the project, and a program that finds out if it holds.

export type EvidenceOptions = {
  /** Fewer repetitions: all quick evidence together fits in ten minutes. */
  readonly quick: boolean
  /** Write what the docs keep of it; most evidence keeps nothing there. */
  readonly write?: boolean
  /** One line of progress for people. */
  readonly log: (line: string) => void
}

export type Figures = { readonly holds: boolean } & Readonly<Record<string, unknown>>

export type Evidence = {
  readonly claim: string
  /** Whether it belongs to the quick ones. */
  readonly quick: boolean
  /** Loaded only when it runs, because each needs other parts of the project. */
  readonly load: () => Promise<{ readonly run: (options: EvidenceOptions) => Promise<Figures> }>
}
