import type { SteadyClock } from '../../common/time/SteadyClock.js';
import type { EventHubs } from '../push/EventHubs.js';
import type { CallerInput } from '../route/Route.js';

/** When a page is made. */
export interface PageMoment {
  readonly nowMs: number;
  /** The last event before it: what comes after it is told to the page, however late the page begins to listen. */
  readonly seen: string;
}

/** The moment at which a page is asked for, before anything is read for it. */
export function momentOf({ tenant }: Pick<CallerInput, 'tenant'>, clock: SteadyClock, hubs: EventHubs): PageMoment {
  return { nowMs: clock.now(), seen: hubs.ofPeople(tenant).position };
}
