import { didYouMean } from '../../common/didYouMean.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import { REQUEST_LIMITS } from '../front/requestLimits.js';
import type { Route } from '../route/Route.js';
import type { IncomingRequest } from './IncomingRequest.js';

/** The body of a request. */
export interface ReadBody {
  /** Empty where it has none. */
  readonly text: string;
  /** The fields of a form, each once; `undefined` where the body is not a form. */
  readonly form: Readonly<Record<string, string>> | undefined;
}

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;
const NONE: ReadBody = { text: '', form: undefined };
/** Every form of a person who is signed in has it. */
export const FORM_TOKEN_FIELD = 'csrf';
const TOKEN_LENGTH = 64;
/** What a character of a form may take: four bytes, each as %XX. */
const BYTES_A_CHARACTER = 12;

/**
 * Reads the body of a request for a route.
 *
 * @throws BadRequestError where the route takes no body, or a form has a field that the route does not take
 * @throws RequestError 413, 415
 */
export async function readBody(route: Route, request: IncomingRequest): Promise<ReadBody> {
  const { headers, hasBody } = request;
  if (!hasBody) return route.form === undefined || route.request !== undefined ? NONE : { text: '', form: Object.freeze({}) };
  if (route.request === undefined && route.form === undefined) throw new BadRequestError('This route takes no body; leave it out.');
  const isForm = isFormFor(route, request);
  if (!isForm && (route.request === undefined || !JSON_TYPE.test(headers.get('content-type') ?? ''))) throw wrongType(route);
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity')
    throw new RequestError(415, 'unsupported_media_type', 'The body must not be compressed. Leave Content-Encoding out.', {
      field: 'Content-Encoding',
      headers: { 'accept-encoding': 'identity' },
    });
  if (!isForm) return { text: await request.readBody(REQUEST_LIMITS.bodyBytes), form: undefined };
  const fields = { ...route.form, [FORM_TOKEN_FIELD]: TOKEN_LENGTH };
  const text = await request.readBody(Math.min(REQUEST_LIMITS.bodyBytes, mostBytes(fields)));
  return { text, form: readForm(fields, text) };
}

/** Whether the body is a form and the route takes one: its sender is a browser that shows what comes back. */
export function isFormFor({ form }: Route, { headers }: Pick<IncomingRequest, 'headers'>): boolean {
  return form !== undefined && FORM_TYPE.test(headers.get('content-type') ?? '');
}

/** Whether what comes is a form, or the route takes nothing else. */
export function wantsForm(route: Route, request: Pick<IncomingRequest, 'headers'>): boolean {
  return route.form !== undefined && (route.request === undefined || isFormFor(route, request));
}

function wrongType({ request, form }: Route): RequestError {
  const types = [...(request ? ['application/json'] : []), ...(form ? ['application/x-www-form-urlencoded'] : [])];
  const what = request === undefined ? 'a form' : form === undefined ? 'JSON' : 'JSON or a form';
  return new RequestError(415, 'unsupported_media_type', `The body must be ${what} in UTF-8. Send Content-Type: ${types.join(' or ')}.`, {
    field: 'Content-Type',
    headers: { accept: types.join(', ') },
  });
}

function mostBytes(fields: Readonly<Record<string, number>>): number {
  return Object.entries(fields).reduce((sum, [name, length]) => sum + name.length + 2 + length * BYTES_A_CHARACTER, 0);
}

function readForm(fields: Readonly<Record<string, number>>, text: string): Readonly<Record<string, string>> {
  const form = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(text)) {
    const most = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (most === undefined) throw new BadRequestError(unknownField(name, Object.keys(fields)));
    if (Object.hasOwn(form, name)) throw new BadRequestError(`The form has the field ${name} twice; send it once.`);
    // a line end in a text field is sent as two characters
    const lines = value.replaceAll('\r\n', '\n');
    if (lines.length > most)
      throw new RequestError(413, 'content_too_large', `\`${name}\` may have ${most} characters. Write less.`, { field: name });
    form[name] = lines;
  }
  return form;
}

function unknownField(name: string, known: readonly string[]): string {
  return `The form has a field that this route does not take${didYouMean(name, known) || '; load the page again.'}`;
}
