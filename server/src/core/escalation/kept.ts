/** For so long it is known which triggers were met; their entries of the log stay longer. */
export const firingsKeptDays = 400

/** What an agent was not seen with for so long is new again. */
export const encountersKeptDays = 400
