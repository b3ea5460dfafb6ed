const LITERALS: readonly (readonly [text: string, value: unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/**
 * Reads the text that `canonicalText` writes.
 *
 * @throws SyntaxError for any other text
 */
export function readCanonical(text: string): unknown {
  try {
    // dates and BigInts alone are not JSON
    return JSON.parse(text);
  } catch {
    return new CanonicalReader(text).whole();
  }
}

class CanonicalReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value();
    if (this.#at !== this.#text.length) throw this.#unexpected();
    return value;
  }

  #value(): unknown {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      case '"':
        return JSON.parse(this.#match(/"(?:[^"\\]|\\.)*"/y));
      case '@':
        return new Date(Number(this.#match(/@-?\d+/y).slice(1)));
      default: {
        const literal = LITERALS.find(([name]) => this.#text.startsWith(name, this.#at));
        if (literal === undefined) return this.#number();
        this.#at += literal[0].length;
        return literal[1];
      }
    }
  }

  #number(): number | bigint {
    const written = this.#match(/-?\d+n|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/y);
    return written.endsWith('n') ? BigInt(written.slice(0, -1)) : Number(written);
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    this.#between('[', ']', () => items.push(this.#value()));
    return items;
  }

  #object(): object {
    const fields: [string, unknown][] = [];
    this.#between('{', '}', () => {
      const name = JSON.parse(this.#match(/"(?:[^"\\]|\\.)*"/y)) as string;
      this.#match(/:/y);
      fields.push([name, this.#value()]);
    });
    // defines own properties, also under odd names
    return Object.fromEntries(fields);
  }

  #between(open: string, close: string, read: () => void): void {
    this.#at += open.length;
    if (this.#text[this.#at] !== close) {
      read();
      while (this.#text[this.#at] === ',') {
        this.#at += 1;
        read();
      }
    }
    if (this.#text[this.#at] !== close) throw this.#unexpected();
    this.#at += 1;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#unexpected();
    this.#at += found.length;
    return found;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`The text is not in canonical form: it cannot be read from position ${this.#at}.`);
  }
}
