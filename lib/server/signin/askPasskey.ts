import type { SignedIn } from '../access/Caller.js';
import { html } from '../page/html.js';
import { pageAnswer } from '../page/layout.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { faultLine, faultOf } from './fault.js';
import { PASSKEY_LENGTH, passkeyForm, passkeyResponse } from './passkeyForm.js';
import type { Fault } from './fault.js';

/** What someone does to people, passkeys or policies. */
export interface SignedAct {
  /** The path that it is sent to. */
  readonly action: string;
  /** In words, such as `Remove Bob`. */
  readonly title: string;
  /** Whom or what it is done to, where that is in the path. */
  readonly target?: string | undefined;
  /** What it means, where the title does not say all of it. */
  readonly detail?: string | undefined;
  /** Where someone goes who does not do it. @defaultValue `/me` */
  readonly back?: string | undefined;
}

/** The field that forms of such acts have beside their own. */
export const SIGNED_FIELDS: Readonly<Record<string, number>> = { passkey: PASSKEY_LENGTH };

/**
 * Has a person sign what they do with a passkey, where they have one: a cookie alone, which programs on other ports of the machine may see, changes neither
 * people nor passkeys.
 *
 * @returns the page that asks for it; `undefined` once it is signed, and where the person has no passkey
 */
export async function askPasskey(
  input: CallerInput,
  { action, title, target, detail, back = '/me' }: SignedAct,
): Promise<Answer | undefined> {
  const { tenant, form = {}, site } = input;
  const { passkeys } = tenant.identity;
  const { personId, sessionId, ...signedIn } = signedInOf(input);
  if ((await passkeys.list(personId)).length === 0) return undefined;
  const { csrf: _, passkey, ...fields } = form;
  const act = { personId, sessionId, what: action, with: { ...fields, target: target ?? null } };
  let fault: Fault | undefined;
  if (passkey !== undefined)
    try {
      await passkeys.verifyAct(act, { origin: site.origin, response: passkeyResponse(passkey) });
      return undefined;
    } catch (error) {
      fault = faultOf(error);
    }
  const options = await passkeys.actOptions(act, site.origin);
  const again = { ...fields, csrf: signedIn.formToken };
  const view = html`<div class="door">
    <h1>${title}</h1>
    ${detail !== undefined && html`<p>${detail}</p>`}
    <p>Confirm with your passkey that it is you.</p>
    ${faultLine(fault)} ${passkeyForm({ site, action, how: 'get', options, fields: again, button: title })}
    <p><a href="${site.base}${back}">Cancel</a></p>
  </div>`;
  return pageAnswer(view, { title, site, signedIn: input.caller.signedIn, status: fault?.status ?? (passkey === undefined ? 200 : 403) });
}

/** The person who makes a request of a route for people, by a session. */
export function signedInOf({ caller }: Pick<CallerInput, 'caller'>): SignedIn & { readonly sessionId: string } {
  const { signedIn } = caller;
  // a token carries no form, and the dispatcher lets no form in without the token of its session
  return { ...signedIn, sessionId: signedIn?.sessionId ?? '' } as SignedIn & { readonly sessionId: string };
}
