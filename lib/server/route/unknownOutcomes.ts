import { didYouMean } from '../../common/didYouMean.js';
import { BadRequestError, NotFoundError } from '../../model/errors/ServiceErrors.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { UnknownResolution } from '../../approval/task/TaskRegistry.js';
import { RequestError } from '../front/RequestError.js';
import type { Route } from './Route.js';

const OUTCOMES: readonly string[] = ['done', 'retry', 'abandon'] satisfies UnknownResolution['outcome'][];

/** The route by which people say how a run ended of which that is not known. */
export function unknownOutcomeRoutes(): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/unknown/:id',
      name: 'settleUnknown',
      summary: 'Records what a person says of a run of which it is not known how it ended: done, retry or abandon.',
      scope: 'person',
      roles: ['approver'],
      page: true,
      form: { outcome: 16, reason: 10_000 },
      answers: { 303: undefined },
      errors: ['reason_needed', 'not_settled'],
      async handle({ params, form = {}, caller, tenant, site }) {
        const { outcome = '', reason = '' } = form;
        if (!OUTCOMES.includes(outcome))
          throw new BadRequestError(`\`outcome\` must be done, retry or abandon${didYouMean(outcome, OUTCOMES)}.`);
        if (reason.trim() === '')
          throw new RequestError(422, 'reason_needed', 'Write how you know what became of the run.', { field: 'reason' });
        if (tenant.unknown === undefined) throw new NotFoundError('There is no run with this id whose outcome is unknown.');
        const resolution = { outcome: outcome as UnknownResolution['outcome'], by: caller.id, reason: reason.trim() };
        try {
          await tenant.unknown.settle(params['id'] as string, resolution);
        } catch (error) {
          if (!(error instanceof TaskStateError)) throw error;
          throw new RequestError(409, 'not_settled', error.message, { cause: error });
        }
        return { status: 303, headers: { location: `${site.base}/unknown` } };
      },
    },
  ];
}
