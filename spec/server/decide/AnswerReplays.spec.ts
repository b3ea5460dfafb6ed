import { expect } from 'chai';
import { AnswerReplays } from '../../../lib/server/decide/AnswerReplays.js';
import type { Decision } from '../../../lib/model/Decision.js';

describe('Answers to requests that are sent again', () => {
  let made = 0;
  const ask = (): Decision => ({ effect: 'allow', decisionId: `d${++made}` });
  const decide = (replays: AnswerReplays, key: string, bytes = 100): string => {
    const decision = replays.decide({ key, fingerprint: `of ${key}`, bytes, state: 0, isCurrent: () => true }, ask) as Decision;
    return decision.decisionId;
  };

  it('are kept for the latest 50,000 requests', () => {
    const replays = new AnswerReplays();
    const first = decide(replays, 'k0');
    for (let i = 1; i < 50_000; i++) decide(replays, `k${i}`);
    expect(decide(replays, 'k0')).to.equal(first);
    decide(replays, 'one more');
    expect(decide(replays, 'k0')).to.not.equal(first);
  });

  it('are kept for the latest requests of 32 MiB: a client with large params takes no more memory', () => {
    const replays = new AnswerReplays();
    const ids = Array.from({ length: 128 }, (_, i) => decide(replays, `k${i}`, 262_144));
    expect(decide(replays, 'k0')).to.equal(ids[0]);
    decide(replays, 'one more', 262_144);
    expect(decide(replays, 'k127', 262_144)).to.equal(ids[127]);
    expect(decide(replays, 'k0', 262_144)).to.not.equal(ids[0]);
  });

  it('of a request that failed after it was forgotten change nothing', async () => {
    const replays = new AnswerReplays();
    let fail: ((error: Error) => void) | undefined;
    const never = replays.decide(
      { key: 'k', fingerprint: 'f', bytes: 1, state: 0, isCurrent: () => true },
      () => new Promise((_, reject) => (fail = reject)),
    );
    for (let i = 0; i < 50_000; i++) decide(replays, `k${i}`);
    const kept = decide(replays, 'k', 1);
    fail?.(new Error('late'));
    await Promise.resolve(never).catch(() => undefined);
    expect(decide(replays, 'k', 1)).to.equal(kept);
  });
});
