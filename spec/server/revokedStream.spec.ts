import { expect } from 'chai';
import { SecretString } from '../../lib/common/SecretString.js';
import { hostCaller } from '../../lib/server/access/HostSignature.js';
import { keyRingOf } from '../../lib/server/access/serverAccess.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../lib/store/signing/signedTenantStore.js';
import { useFakeTimers } from 'sinon';

const STATE_KEY = 'the state key of a server with streams';
const POLICIES = { text: '@id("all") permit (principal, action, resource);' };

describe('A stream of events whose key is revoked', () => {
  /** As another server, or the command line, revokes it: on the same rows, with the state key. */
  for (const where of ['at the server itself', 'elsewhere'] as const) {
    it(`ends within 30 s where it was revoked ${where}, at any moment between two signs of life, and not before`, async () => {
      for (const afterMs of [1, 2_000, 7_500, 14_999, 15_001, 44_999]) {
        const store = new MemoryStateStore();
        const plane = createDataPlane({ policies: POLICIES, store, stateKey: STATE_KEY });
        await plane.ready();
        const time = useFakeTimers({
          now: Date.now(),
          toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
        });
        try {
          const { info, key } = await plane.createKey({ name: 'spec', scopes: ['decide'] });
          const admin = (await plane.createKey({ name: 'admin', scopes: ['keys:admin'] })).key.reveal();
          // a program that also asks keeps what the server knows of the key as old as it gets
          const pass = async (ms: number): Promise<void> => {
            for (let left = ms; left > 0; left -= 1_000) {
              await plane.fetch(new Request('http://localhost/v1/decision/none/status', { headers: { 'x-api-key': key.reveal() } }));
              await time.tickAsync(Math.min(left, 1_000));
            }
          };
          await pass(29_000);
          const stream = listening(plane, key.reveal());
          await pass(afterMs);
          expect(stream.ended, `before, ${afterMs}`).to.equal(false);
          if (where === 'elsewhere') {
            const stateKey = new SecretString(STATE_KEY);
            const { records } = signedTenantStore(store.forTenant('default'), { stateKey, tenantId: 'default' });
            await keyRingOf(stateKey, 'default', records).revoke(info.id, hostCaller({ user: 'ann', tenantId: 'default' }));
          } else {
            const request = new Request(`http://localhost/v1/keys/${info.id}`, {
              method: 'DELETE',
              headers: { 'x-api-key': admin },
            });
            expect((await plane.fetch(request)).status).to.equal(200);
          }
          await pass(30_000);
          expect(stream.ended, `after, ${afterMs}`).to.equal(true);
        } finally {
          time.restore();
          await plane.close({ idleMs: 0, graceMs: 0 });
        }
      }
    });
  }
});

function listening(plane: DataPlane, key: string): { readonly ended: boolean } {
  const state = { ended: false };
  void (async () => {
    const answer = await plane.fetch(new Request('http://localhost/v1/events', { headers: { 'x-api-key': key } }));
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    while (!(await reader.read()).done);
    state.ended = true;
  })();
  return state;
}
