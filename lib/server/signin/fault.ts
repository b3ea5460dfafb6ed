import { RequestError } from '../front/RequestError.js';
import { html } from '../page/html.js';
import type { Html } from '../page/html.js';

/** Why what was sent was not taken, said beside the form. */
export interface Fault {
  readonly status: number;
  readonly message: string;
  readonly field: string | undefined;
}

/**
 * What is wrong with a form, to be said beside it.
 *
 * @throws what was thrown, where it is not about the form
 */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof RequestError) || error.status >= 500) throw error;
  return { status: error.status, message: error.message, field: error.field };
}

/** The line that says what is wrong, beside a field or, without a name, above the form. */
export function faultLine(fault: Fault | undefined, field?: string): Html | undefined {
  if (fault === undefined || fault.field !== field) return undefined;
  return html`<p class="fault" role="alert" id="${`fault-${field ?? 'form'}`}">${fault.message}</p>`;
}
