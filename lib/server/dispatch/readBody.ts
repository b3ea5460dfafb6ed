import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import { REQUEST_LIMITS } from '../front/requestLimits.js';
import type { Route } from '../route/Route.js';
import type { IncomingRequest } from './IncomingRequest.js';

/**
 * Reads the body of a request for a route; empty where it has none.
 *
 * @throws BadRequestError where the route takes no body
 * @throws RequestError 413, 415
 */
export async function readBody(route: Route, request: IncomingRequest): Promise<string> {
  const { headers, hasBody } = request;
  if (!hasBody) return '';
  if (route.request === undefined) throw new BadRequestError('This route takes no body; leave it out.');
  const type = headers.get('content-type');
  if (type === null || !/^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i.test(type))
    throw new RequestError(415, 'unsupported_media_type', 'The body must be JSON in UTF-8. Send Content-Type: application/json.', {
      field: 'Content-Type',
      headers: { accept: 'application/json' },
    });
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity')
    throw new RequestError(415, 'unsupported_media_type', 'The body must not be compressed. Leave Content-Encoding out.', {
      field: 'Content-Encoding',
      headers: { 'accept-encoding': 'identity' },
    });
  return request.readBody(REQUEST_LIMITS.bodyBytes);
}
