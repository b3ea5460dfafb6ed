import type { HttpResponse } from '../../common/transport/HttpExchange.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { readDecisionAnswer } from '../wire/readDecisionAnswer.js';
import { previewedParams } from '../wire/wirePreview.js';
import type { SentPreview } from '../wire/wirePreview.js';
import type { RemoteSettings } from './remoteSettings.js';

/** How often a server may want the preview of one call: its policies may change the params otherwise meanwhile. */
const MAX_PREVIEWS = 2;

/**
 * Sends a request for a decision, and once more with the preview of its call where the server wants that before it asks a person. An answer that wants it
 * again and again is not a decision, and so a deny.
 *
 * @param ask sends the request
 * @param check that an answer is for this very call. @throws where it is not
 */
export async function sendPreviewed(
  request: DecisionRequest,
  { hosted }: Pick<RemoteSettings, 'hosted'>,
  ask: (preview?: SentPreview) => Promise<HttpResponse>,
  check: (answer: HttpResponse) => unknown,
): Promise<HttpResponse> {
  const { preview } = request;
  let answer = await ask();
  if (preview === undefined || hosted) return answer;
  for (let round = 0; round < MAX_PREVIEWS; round++) {
    const params = readDecisionAnswer(answer.body).previewFor(request);
    if (params === undefined) break;
    check(answer);
    answer = await ask({ of: previewedParams(params), outcome: await preview(params) });
  }
  return answer;
}
