import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import type { Diagnostic } from '../../lib/model/diagnostics.js';
import { publishCallbackError, publishDiagnostic } from '../../lib/model/diagnostics.js';

describe('The diagnostics channel', () => {
  function heard(publish: () => void): Diagnostic[] {
    const events: Diagnostic[] = [];
    const listen = (event: unknown): void => void events.push(event as Diagnostic);
    subscribe('aegis:diagnostics', listen);
    try {
      publish();
    } finally {
      unsubscribe('aegis:diagnostics', listen);
    }
    return events;
  }

  it('hands a report to whoever subscribed', () => {
    const report: Diagnostic = { kind: 'security', code: 'c', message: 'm' };
    expect(heard(() => publishDiagnostic(report))).to.deep.equal([report]);
    expect(() => publishDiagnostic(report)).to.not.throw();
  });

  it('says so where what was thrown throws again when it is looked at', () => {
    const hostile = Object.defineProperty(new Error('CANARY'), 'message', {
      get() {
        throw new Error('CANARY');
      },
    });
    const proxy = new Proxy(new Error('CANARY'), {
      get() {
        throw new Error('CANARY');
      },
    });
    const events = heard(() => [hostile, proxy].forEach((error) => publishCallbackError('here', error)));
    const told = { name: 'NonError', message: 'a value was thrown that cannot be read' };
    expect(events).to.deep.equal([hostile, proxy].map(() => ({ kind: 'callback', where: 'here', error: told })));
  });

  it('names what a callback threw, and keeps neither it nor what it holds', () => {
    const thrown = Object.assign(new TypeError('m'), { params: 'CANARY', cause: 'CANARY' });
    const events = heard(() => publishCallbackError('here', thrown));
    expect(events).to.deep.equal([{ kind: 'callback', where: 'here', error: { name: 'TypeError', message: 'm' } }]);
    expect(inspect(events, { depth: 9 })).to.not.include('CANARY');
  });

  it('says of a value that is no Error only that', () => {
    for (const thrown of ['CANARY', undefined, { message: 'CANARY' }]) {
      const [event] = heard(() => publishCallbackError('here', thrown));
      expect(event).to.deep.include({ error: { name: 'NonError', message: 'a value was thrown that is not an Error' } });
    }
  });
});
