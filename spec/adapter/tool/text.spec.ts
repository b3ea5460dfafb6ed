import { expect } from 'chai';
import { deniedText, safeError } from '../../../lib/adapter/tool/text.js';
import { ParamsError } from '../../../lib/model/errors/CallErrors.js';
import { AuthError, TransportError } from '../../../lib/model/errors/ServiceErrors.js';

describe('What a model is told of a refusal', () => {
  it('is the words of our own errors', () => {
    const error = new ParamsError('/a', 'The value at /a is too large.');
    expect(safeError('send', error)).to.equal(error);
    expect(JSON.parse(deniedText('send', error))).to.include({ aegis: 'denied', tool: 'send', reason: 'The value at /a is too large.' });
  });

  it('is nothing that the decision service wrote about its own failure, which is kept as the cause', () => {
    const written = 'db-7.internal refused: at handler (/srv/plane.js:10:3)';
    for (const error of [new AuthError(written, { code: 'invalid_api_key' }), new TransportError(written)]) {
      const told = safeError('send', error);
      expect(told.cause).to.equal(error);
      expect(told).to.include({
        name: 'DecisionUnavailableError',
        message: "The decision on tool 'send' failed, so the tool did not run.",
      });
      expect(deniedText('send', error)).to.not.include('db-7').and.not.include('invalid_api_key');
    }
  });
});
