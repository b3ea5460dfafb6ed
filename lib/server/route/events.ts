import type { Awaitable } from '../../common/awaitable.js';
import { CapacityError } from '../../model/errors/CallErrors.js';
import type { Reader } from '../decide/Reader.js';
import { readerOf } from '../decide/readerOf.js';
import { ROLES } from '../people/Person.js';
import type { EventHub, Subscription } from '../push/EventHub.js';
import type { EventHubs } from '../push/EventHubs.js';
import type { Answer, CallerInput, Route } from './Route.js';

/** What the route of events needs. */
export interface EventRoutesOptions {
  readonly hubs: EventHubs;
  /** Whether the key or the session, and its tenant, are still good. Asked every 15 seconds of each stream; an error is a no. */
  readonly mayListen?: ((input: CallerInput) => Awaitable<boolean>) | undefined;
  /**
   * Streams that one key or person may have at a time.
   *
   * @defaultValue 10
   */
  readonly maxStreamsPerKey?: number | undefined;
  /**
   * Streams in all.
   *
   * @defaultValue 2,000
   */
  readonly maxStreams?: number | undefined;
}

/** `GET /v1/events` and `GET /v1/inbox/events`: what becomes of approvals, as it happens. */
export function eventRoutes({ hubs, mayListen, maxStreamsPerKey = 10, maxStreams = 2_000 }: EventRoutesOptions): readonly Route[] {
  /** How many streams each key and person has, by tenant and id. */
  const counts = new Map<string, number>();
  const stream = <Whom>(input: CallerInput, hub: EventHub<Whom>, last: string | null, more: Partial<Subscription<Whom>> = {}): Answer => {
    const { caller, signal } = input;
    const who = JSON.stringify([caller.tenantId, caller.kind, caller.id]);
    const count = counts.get(who) ?? 0;
    if (count >= maxStreamsPerKey) throw tooMany(maxStreamsPerKey, caller.kind === 'person' ? 'This person has' : 'This key has');
    if (hubs.listeners >= maxStreams) throw tooMany(maxStreams, 'This server has');
    counts.set(who, count + 1);
    const agents = caller.agents && new Set(caller.agents);
    const body = hub.subscribe({
      lastEventId: last ?? undefined,
      covers: (agentId) => agents === undefined || agents.has(agentId),
      signal,
      ...(mayListen && { mayListen: () => mayListen(input) }),
      ...more,
      onEnd() {
        const left = (counts.get(who) as number) - 1;
        if (left === 0) counts.delete(who);
        else counts.set(who, left);
      },
    });
    // a proxy that gathers what it forwards would hold back every event
    return { status: 200, headers: { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }, body };
  };
  return [
    {
      method: 'GET',
      path: '/v1/events',
      name: 'events',
      summary: 'Tells what becomes of the approvals of the agents that the key speaks for, as server-sent events.',
      scope: 'decide',
      answers: { 200: 'text/event-stream' },
      errors: ['capacity'],
      handle: (input) => stream(input, hubs.of(input.tenant), input.headers.get('last-event-id')),
    },
    {
      method: 'GET',
      path: '/v1/inbox/events',
      name: 'inboxEvents',
      summary:
        'Tells people what waits for them, what became of it and what is halted, as server-sent events: ids, statuses, versions and whether it is for them, never what a call says.',
      scope: 'person',
      roles: ROLES,
      query: { last: 'The id of the last event that was seen, for a browser that opens another connection.' },
      answers: { 200: 'text/event-stream' },
      errors: ['capacity'],
      async handle(input) {
        let reader = await knownReader(input);
        const last = input.headers.get('last-event-id') ?? input.query.get('last');
        return stream(input, hubs.ofPeople(input.tenant), last, {
          whom: () => reader,
          // a person who was removed hears nothing more after a second
          askEveryMs: 1_000,
          async mayListen() {
            if ((await mayListen?.(input)) === false) return false;
            // their groups may be others by now
            reader = (await knownReader(input)) ?? reader;
            return true;
          },
        });
      },
    },
  ];
}

/** Who listens; `undefined` while the directory cannot say so: then events say less, and the pages say it when they are read. */
async function knownReader(input: CallerInput): Promise<Reader | undefined> {
  try {
    return await readerOf(input);
  } catch {
    return undefined;
  }
}

function tooMany(limit: number, who: string): CapacityError {
  return new CapacityError(limit, `${who} ${limit} streams of events, and no more are allowed. Close one, or ask for statuses instead.`);
}
