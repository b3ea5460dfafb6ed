import { expect } from 'chai';
import { silentLogger } from '../../../lib/common/Logger.js';
import { AnswerBatch } from '../../../lib/server/dispatch/AnswerBatch.js';
import type { AnsweredRequest } from '../../../lib/server/dispatch/AnswerBatch.js';

const answered = (requestId: string): AnsweredRequest => ({
  requestId,
  tenantId: 't',
  callerId: 'k',
  route: 'decide',
  request: '{}',
  status: 200,
  answer: '{}',
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Answers that leave in groups', () => {
  it('are recorded together before any of them leaves, and the next group gathers meanwhile', async () => {
    const groups: string[][] = [];
    const ends: (() => void)[] = [];
    const left: string[] = [];
    const batch = new AnswerBatch((group) => {
      groups.push(group.map(({ requestId }) => requestId));
      return new Promise<void>((resolve) => ends.push(resolve));
    }, silentLogger);
    const add = (id: string): void => void batch.add(answered(id)).then(() => left.push(id));
    add('1');
    add('2');
    await turn();
    add('3');
    await turn();
    add('4');
    await turn();
    expect([groups, left]).to.deep.equal([[['1', '2']], []]);
    ends.shift()?.();
    await turn();
    expect([groups, left]).to.deep.equal([
      [
        ['1', '2'],
        ['3', '4'],
      ],
      ['1', '2'],
    ]);
    ends.shift()?.();
    await turn();
    expect(left).to.deep.equal(['1', '2', '3', '4']);
    add('5');
    await turn();
    expect(groups.at(-1)).to.deep.equal(['5']);
    ends.shift()?.();
  });

  it('do not leave where they could not be recorded; later ones do', async () => {
    const logged: object[] = [];
    let fails = true;
    const batch = new AnswerBatch(
      () => {
        if (fails) throw new Error('the disk is full');
      },
      { ...silentLogger, error: (fields) => logged.push(fields) },
    );
    const results = await Promise.allSettled([batch.add(answered('1')), batch.add(answered('2'))]);
    for (const result of results) {
      expect(result.status).to.equal('rejected');
      expect((result as PromiseRejectedResult).reason).to.include({ status: 503, code: 'audit_unavailable', retryAfterS: 5 });
    }
    expect(logged).to.have.length(1);
    fails = false;
    await batch.add(answered('3'));
  });

  it('leave together where nothing is recorded', async () => {
    const batch = new AnswerBatch(undefined, silentLogger);
    const left: number[] = [];
    for (const i of [1, 2, 3]) void batch.add(answered(String(i))).then(() => left.push(i));
    await Promise.resolve();
    expect(left).to.deep.equal([]);
    await turn();
    expect(left).to.deep.equal([1, 2, 3]);
  });
});
