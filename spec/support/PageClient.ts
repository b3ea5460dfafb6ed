import type { SoftAuthenticator } from './SoftAuthenticator.js';

/** A page as a person sees it. */
export interface SeenPage {
  readonly status: number;
  /** Below the origin. */
  readonly path: string;
  readonly headers: Headers;
  readonly text: string;
}

/** A form of a page. */
export interface SeenForm {
  readonly method: string;
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
  /** What it asks a passkey for. */
  readonly passkey: { readonly how: string; readonly options: object } | undefined;
}

/** A browser without a window: it keeps cookies, follows redirects, sends forms as a browser does, and has passkeys where it is given some. */
export class PageClient {
  readonly origin: string;
  readonly cookies: Map<string, string> = new Map<string, string>();
  readonly #device: SoftAuthenticator | undefined;
  #page: SeenPage | undefined;

  constructor(origin: string, device?: SoftAuthenticator) {
    this.origin = origin;
    this.#device = device;
  }

  /** The page that it shows. */
  get page(): SeenPage {
    if (this.#page === undefined) throw new Error('No page is open.');
    return this.#page;
  }

  async open(path: string, headers: Record<string, string> = {}): Promise<SeenPage> {
    return this.#go('GET', path, undefined, { 'sec-fetch-site': 'none', ...headers });
  }

  /** Sends fields as a form of the page that it shows would. */
  async post(path: string, fields: Readonly<Record<string, string>>, headers: Record<string, string> = {}): Promise<SeenPage> {
    return this.#go('POST', path, new URLSearchParams(fields).toString(), { 'sec-fetch-site': 'same-origin', ...headers });
  }

  /** Fills in the form of the page with this action, and sends it; what asks for a passkey gets one. */
  async submit(action: string, fields: Readonly<Record<string, string>> = {}): Promise<SeenPage> {
    const form = this.forms().find((one) => one.action === action && one.method === 'post');
    if (form === undefined) throw new Error(`There is no form for ${action} on ${this.page.path} (${this.page.status}): ${this.page.text}`);
    const signed = form.passkey === undefined ? undefined : this.#signed(form.passkey);
    return this.post(action, { ...form.fields, ...(signed !== undefined && { passkey: JSON.stringify(signed) }), ...fields });
  }

  /** The forms of the page. */
  forms(): readonly SeenForm[] {
    return [...this.page.text.matchAll(/<form\b([^>]*)>([^]*?)<\/form>/g)].map(([, head = '', body = '']) => {
      const attributes = attributesOf(head);
      const fields = [...body.matchAll(/<input\b([^>]*)>/g)].flatMap(([, input = '']) => {
        const { name, value = '', type } = attributesOf(input);
        const isSent = name !== undefined && (type !== 'checkbox' || / checked\b/.test(input));
        return isSent ? [[name, value] as const] : [];
      });
      const { method = 'get', action = '', 'data-passkey': how, 'data-passkey-options': options } = attributes;
      const passkey = how === undefined || options === undefined ? undefined : { how, options: JSON.parse(options) as object };
      return { method, action, fields: Object.fromEntries(fields), passkey };
    });
  }

  #signed({ how, options }: NonNullable<SeenForm['passkey']>): object {
    if (this.#device === undefined) throw new Error('This browser has no passkeys.');
    return how === 'create' ? this.#device.create(options) : this.#device.get(options);
  }

  async #go(method: string, path: string, body: string | undefined, headers: Record<string, string>): Promise<SeenPage> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(`${this.origin}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        // a server that stops waits for idle connections
        connection: 'close',
        ...(cookie !== '' && { cookie }),
        ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
    for (const line of answer.headers.getSetCookie()) this.#keep(line);
    const location = answer.headers.get('location');
    const text = await answer.text();
    if (location?.startsWith('/') === true && answer.status === 303)
      return this.#go('GET', location, undefined, { 'sec-fetch-site': 'same-origin' });
    this.#page = { status: answer.status, path, headers: answer.headers, text };
    return this.#page;
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (line.includes('Max-Age=0')) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function attributesOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescaped(value)]));
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => NAMED[name] as string);
}
