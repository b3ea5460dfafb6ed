import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import type { Diagnostic } from '../../../lib/model/diagnostics.js';
import { dataPlaneStandIn, idOf, sendJson } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { KEY_CANARY, PATIENT_MS } from '../../support/remoteRequest.js';

describe('RemoteDecisionService.status, in every order of answers', () => {
  let plane: DataPlaneStandIn;
  let service: RemoteDecisionService;
  let diagnostics: Diagnostic[];
  const note = (message: unknown): void => void diagnostics.push(message as Diagnostic);
  before(async () => {
    plane = await dataPlaneStandIn();
    service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, timeoutMs: PATIENT_MS, dataPlane: { require: [] } });
    diagnostics = [];
    subscribe('aegis:diagnostics', note);
  });
  after(async () => {
    unsubscribe('aegis:diagnostics', note);
    await service.close();
    await plane.close();
  });

  it('lets states move forward only, for every sequence of six answers (T15)', async function () {
    this.timeout(60_000);
    const answers = { p: ['PENDING', 'approval_needed', 'pending'], a: ['OK', 'allow', 'approved'], d: ['OK', 'deny', 'denied'] } as const;
    type Letter = keyof typeof answers;
    let sequences: string[] = [''];
    for (let i = 0; i < 6; i++) sequences = sequences.flatMap((s) => Object.keys(answers).map((letter) => s + letter));
    plane.handler = (request, reply) => {
      const [sequence = '', at = ''] = idOf(request).split(':');
      const [status, effect] = answers[sequence[steps.get(sequence) ?? 0] as Letter];
      expect(at).to.equal('x');
      sendJson(reply, { decision_id: idOf(request), status, effect, request_id: 'r' });
    };
    const steps = new Map<string, number>();
    const run = async (sequence: string): Promise<number> => {
      let expected: string = 'pending';
      let surprises = 0;
      for (let step = 0; step < 6; step++) {
        steps.set(sequence, step);
        const says = answers[sequence[step] as Letter][2];
        if (expected === 'pending') expected = says;
        else if (says !== expected) surprises += 1;
        expect((await service.status(`${sequence}:x`)).state, `${sequence} at ${step}`).to.equal(expected);
      }
      return surprises;
    };
    let surprises = 0;
    for (let i = 0; i < sequences.length; i += 81) {
      for (const found of await Promise.all(sequences.slice(i, i + 81).map(run))) surprises += found;
    }
    expect(diagnostics.filter((d) => d.kind === 'security' && d.code === 'status_changed')).to.have.length(surprises);
    expect(surprises).to.be.greaterThan(1_000);
  });
});
