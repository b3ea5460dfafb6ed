// The module, its view, and guardCall.
import { AegisModule, guardCall, type GuardedCall, type Params, SecretString } from '../../lib/index.js';
import type { PendingOutcome } from '../../lib/guard/index.js';
import { assert, type Equal } from './expect.js';

declare const module: AegisModule;

// the judge is out of reach of whoever finds the current module
// @ts-expect-error
void AegisModule.current.approvals;
// @ts-expect-error
void AegisModule.current.close;
// @ts-expect-error
void AegisModule.current.policies;
// @ts-expect-error made by configure() and create() only
void (() => new AegisModule({ policies: './policies' }));
void module.approvals;

AegisModule.create({ apiKey: new SecretString('k'), baseUrl: new URL('https://aegis.example') });
AegisModule.create({ policies: new URL('file:///policies/'), limits: { maxDepth: 8 }, approvalPolling: { maxAttempts: 3 } });
AegisModule.create({ policies: { text: '' } });
AegisModule.configure();
AegisModule.configure({ apiKey: 'k', replace: true });
// @ts-expect-error replace is of configure() only
AegisModule.create({ apiKey: 'k', replace: true });
// @ts-expect-error units are in the name
AegisModule.create({ apiKey: 'k', timeout: 5 });
// @ts-expect-error no such way
AegisModule.create({ apiKey: 'k', unattended: 'allow' });

const kept = module.withSession({ user_id: 'u' }, () => 1);
assert<Equal<typeof kept, number>>();

const call: GuardedCall = { agentId: 'a', toolName: 't', params: {} };
const outcome = await guardCall(module, call, async (params) => {
  assert<Equal<typeof params, Params>>();
  return 'x';
});
switch (outcome.kind) {
  case 'ran':
    assert<Equal<typeof outcome.value, string>>();
    break;
  case 'denied':
    assert<Equal<typeof outcome.error.code, string>>();
    break;
  case 'pending':
    assert<Equal<typeof outcome, PendingOutcome<string>>>();
    break;
}
await guardCall(AegisModule.current, call, () => 1);
// @ts-expect-error whoever calls needs a tool
await guardCall(module, { agentId: 'a', params: {} }, () => 1);
