/** Words by which a model says that it doubts, where the pact lists none of its own. */
export const doubtPhrases: readonly string[] = [
  "i'm not sure",
  'i am not sure',
  "i'm not certain",
  'i am not certain',
  "i'm unsure",
  'i am unsure',
  'i cannot verify',
  "i can't verify",
  'i could not verify',
  'needs human review',
  'requires human review',
  'a human should decide',
  'escalate to a human',
]
