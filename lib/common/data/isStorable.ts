/** Whether every store keeps a text exactly: none has a record whose id is another one. */
export function isStorable(text: unknown): text is string {
  // a lone surrogate would come back as another character, and PostgreSQL has no U+0000
  return typeof text === 'string' && !/\0|\p{Surrogate}/u.test(text);
}
