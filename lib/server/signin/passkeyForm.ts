import type { Site } from '../front/Site.js';
import { html } from '../page/html.js';
import type { Html } from '../page/html.js';

/** The most characters of what a browser made or signed with a passkey, as JSON. */
export const PASSKEY_LENGTH = 8_000;

/** A form that a passkey signs, or makes one for, before it is sent. */
export interface PasskeyForm {
  readonly site: Site;
  /** Below the base path. */
  readonly action: string;
  readonly how: 'create' | 'get';
  /** As the browser wants them. */
  readonly options: object;
  /** What else is sent. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly button: string;
}

/** A form that a passkey signs, or makes one for, before it is sent. */
export function passkeyForm({ site, action, how, options, fields, button }: PasskeyForm): Html {
  return html`<form
    method="post"
    action="${site.base}${action}"
    data-passkey="${how}"
    data-passkey-options="${JSON.stringify(options)}"
  >
    ${hiddenFields(fields)}<input type="hidden" name="passkey" value="" /><button class="approve">${button}</button>
    <p class="fault" role="alert" data-passkey-fault hidden></p>
    <noscript><p class="fault">Passkeys need JavaScript. Allow it for this page, and load it again.</p></noscript>
  </form>`;
}

/** Fields that a form carries on. Those without a value are left out. */
export function hiddenFields(fields: Readonly<Record<string, string | undefined>>): readonly Html[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [html`<input type="hidden" name="${name}" value="${value}" />`],
  );
}

/** What a passkey of the browser said, as it came in a form. */
export function passkeyResponse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    // read as any other answer that is no passkey's
    return undefined;
  }
}
