import type { Awaitable } from '../../common/awaitable.js';
import { CapacityError } from '../../model/errors/CallErrors.js';
import type { EventHubs } from '../push/EventHubs.js';
import type { CallerInput, Route } from './Route.js';

/** What the route of events needs. */
export interface EventRoutesOptions {
  readonly hubs: EventHubs;
  /** Whether the key and its tenant are still good. Asked every 15 seconds of each stream; an error is a no. */
  readonly mayListen?: ((input: CallerInput) => Awaitable<boolean>) | undefined;
  /**
   * Streams that one key may have at a time.
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

/** `GET /v1/events`: what became of approvals, as it happens. */
export function eventRoutes({ hubs, mayListen, maxStreamsPerKey = 10, maxStreams = 2_000 }: EventRoutesOptions): readonly Route[] {
  /** How many streams each key has, by tenant and id. */
  const byKey = new Map<string, number>();
  return [
    {
      method: 'GET',
      path: '/v1/events',
      name: 'events',
      summary: 'Tells what becomes of the approvals of the agents that the key speaks for, as server-sent events.',
      scope: 'decide',
      answers: { 200: 'text/event-stream' },
      errors: ['capacity'],
      handle(input) {
        const { caller, tenant, headers, signal } = input;
        const key = JSON.stringify([caller.tenantId, caller.id]);
        const count = byKey.get(key) ?? 0;
        if (count >= maxStreamsPerKey) throw tooMany(maxStreamsPerKey, 'This key has');
        if (hubs.listeners >= maxStreams) throw tooMany(maxStreams, 'This server has');
        byKey.set(key, count + 1);
        const agents = caller.agents && new Set(caller.agents);
        const body = hubs.of(tenant).subscribe({
          lastEventId: headers.get('last-event-id') ?? undefined,
          covers: (agentId) => agents === undefined || agents.has(agentId),
          signal,
          ...(mayListen && { mayListen: () => mayListen(input) }),
          onEnd() {
            const left = (byKey.get(key) as number) - 1;
            if (left === 0) byKey.delete(key);
            else byKey.set(key, left);
          },
        });
        // a proxy that gathers what it forwards would hold back every event
        return { status: 200, headers: { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }, body };
      },
    },
  ];
}

function tooMany(limit: number, who: string): CapacityError {
  return new CapacityError(limit, `${who} ${limit} streams of events, and no more are allowed. Close one, or ask for statuses instead.`);
}
