/** A method of strings that every runtime has and our list of built-ins has not. */
type WellFormed = string & { isWellFormed(): boolean };

/** Whether every store keeps a text exactly: none has a record whose id is another one. */
export function isStorable(text: unknown): text is string {
  // a lone surrogate would come back as another character, and PostgreSQL has no U+0000
  return typeof text === 'string' && (text as WellFormed).isWellFormed() && !text.includes('\0');
}
