/** Of ES2024, which every supported Node has. */
interface Unicode {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** A text in which lone surrogates are U+FFFD: Cedar's texts are UTF-8. For ids and keys too. */
export function wellFormed(text: string): string {
  const unicode = text as string & Unicode;
  return unicode.isWellFormed() ? text : unicode.toWellFormed();
}
