import { didYouMean } from '../../common/didYouMean.js';
import { BadRequestError, NotFoundError } from '../../model/errors/ServiceErrors.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { UnknownResolution } from '../../approval/task/TaskRegistry.js';
import { RequestError } from '../front/RequestError.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Answer, CallerInput, Route } from './Route.js';

const OUTCOMES: readonly string[] = ['done', 'retry', 'abandon'] satisfies UnknownResolution['outcome'][];

/** A form that was not recorded. */
export interface RefusedSettlementForm {
  readonly input: CallerInput;
  readonly taskId: string;
  readonly error: RequestError;
  /** What was typed. */
  readonly reason: string;
}

/** What the route of unknown outcomes needs. */
export interface UnknownOutcomeRoutesOptions {
  /**
   * The page for a form that was refused.
   *
   * @defaultValue the page of the error
   */
  readonly refusedPage?: ((refused: RefusedSettlementForm) => Awaitable<Answer>) | undefined;
}

/** The route by which people say how a run ended of which that is not known. */
export function unknownOutcomeRoutes({ refusedPage }: UnknownOutcomeRoutesOptions = {}): readonly Route[] {
  const refuse = (error: RequestError, input: CallerInput): Awaitable<Answer> => {
    if (refusedPage === undefined) throw error;
    return refusedPage({ input, taskId: input.params['id'] as string, error, reason: input.form?.['reason'] ?? '' });
  };
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
      async handle(input) {
        const { params, form = {}, caller, tenant, site } = input;
        if (tenant.unknown === undefined) throw new NotFoundError('There is no run with this id whose outcome is unknown.');
        const { outcome = '', reason = '' } = form;
        if (!OUTCOMES.includes(outcome))
          throw new BadRequestError(`\`outcome\` must be done, retry or abandon${didYouMean(outcome, OUTCOMES)}.`);
        if (reason.trim() === '')
          return refuse(new RequestError(422, 'reason_needed', 'Write how you know what became of the run.', { field: 'reason' }), input);
        const resolution = { outcome: outcome as UnknownResolution['outcome'], by: caller.id, reason: reason.trim() };
        try {
          await tenant.unknown.settle(params['id'] as string, resolution);
        } catch (error) {
          if (!(error instanceof TaskStateError)) throw error;
          return refuse(new RequestError(409, 'not_settled', error.message, { cause: error }), input);
        }
        return { status: 303, headers: { location: `${site.base}/unknown` } };
      },
    },
  ];
}
