import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Twenty secrets, each put where a user or a service has one. None of them may be seen where it does not belong. */
export const CANARIES = {
  apiKey: 'canary01-apikey-9f3ad1c47be2',
  envApiKey: 'canary02-envkey-51c0be77aa90',
  urlSecret: 'canary03-urlsecret-6b2d90ffe1',
  param: 'canary04-param-c81e5f2277d0',
  nestedParam: 'canary05-nested-0d4f7f6e19ab',
  paramKey: 'canary06-key-7741ac3be95d',
  soleText: 'canary07-soletext-e2b06c118f4a',
  session: 'canary08-session-3fa95d70cc21',
  requester: 'canary09-requester-b8170ee4d6f3',
  secretParam: 'canary10-secretparam-4e91d2bb7c05',
  result: 'canary11-result-a6f0c3398e1d',
  methodError: 'canary12-methoderror-17cb84e0f5d2',
  serviceError: 'canary13-serviceerror-dd25b6907e3f',
  wireMessage: 'canary14-wiremessage-58e3fa06c1b7',
  wireBody: 'canary15-wirebody-f40b72d9836c',
  wireHeader: 'canary16-wireheader-2ac76e15bd98',
  actualValue: 'canary17-actualvalue-83df01e7c4ba',
  approverReason: 'canary18-reason-c95b3df870e6',
  policyText: 'canary19-policytext-6e0d28ab94f1',
  metadata: 'canary20-metadata-71f8ce5d20b4',
} as const;

export type Canary = keyof typeof CANARIES;

const NAMES = Object.keys(CANARIES) as Canary[];
const NEEDLES = new Map(NAMES.map((name) => [name, [CANARIES[name], ...disguises(CANARIES[name])]]));

/** How bytes are shown by what does not know that they are a text. */
function disguises(text: string): string[] {
  const bytes = Buffer.from(text);
  // what stands before it shifts base64 by zero to two bytes; the ends depend on the neighbours
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  return [bytes.toString('hex'), [...bytes].join(','), [...bytes].map((byte) => byte.toString(16)).join(' '), ...base64];
}

/** The canaries in a text, plain or in disguise. */
export function canariesIn(text: string): Canary[] {
  const lower = text.toLowerCase();
  return NAMES.filter((name) => NEEDLES.get(name)?.some((needle) => text.includes(needle) || lower.includes(needle)) === true);
}

/**
 * Watches standard output, standard error and `aegis:diagnostics` of the whole run, and passes everything on. Made when a spec file is loaded, which
 * is before any spec runs.
 */
export class OutputWatch {
  readonly hits: string[] = [];
  #characters = 0;
  #open = '';
  readonly #undo: (() => void)[] = [];

  constructor() {
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write.bind(stream) as typeof stream.write;
      stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
        this.#scan(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
        return write(chunk, ...rest);
      }) as typeof stream.write;
      this.#undo.push(() => void (stream.write = write));
    }
    // what a program's own callback threw is told there, in its own words
    const listen = (message: unknown): void => this.#scan(`${JSON.stringify({ ...(message as object), error: undefined })}\n`);
    subscribe('aegis:diagnostics', listen);
    this.#undo.push(() => void unsubscribe('aegis:diagnostics', listen));
  }

  /** Characters that were looked at. */
  get characters(): number {
    return this.#characters;
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** A canary may come in two pieces. */
  #scan(text: string): void {
    this.#characters += text.length;
    const whole = this.#open + text;
    const found = canariesIn(whole);
    this.hits.push(...found);
    this.#open = found.length > 0 ? '' : whole.slice(-100);
  }
}
