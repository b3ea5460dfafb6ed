import { expect } from 'chai';
import { refuseUnguardable } from '../../../lib/adapter/tool/AdapterOptions.js';
import { GuardDefinitionError } from '../../../lib/index.js';

describe('A tool that cannot be guarded', () => {
  it('is refused by default, with what to do about it', () => {
    expect(() => refuseUnguardable('frame', 'search', 'the provider runs it')).to.throw(
      GuardDefinitionError,
      /^frame: tool 'search' cannot be guarded: the provider runs it\. Leave it out, or set `unguardable` to 'warn' or 'ignore'/,
    );
  });

  it('is let pass with a warning, or without one', async () => {
    const warnings: string[] = [];
    const listener = ({ name, message }: Error): void => void (name === 'AegisWarning' && warnings.push(message));
    process.on('warning', listener);
    refuseUnguardable('frame', 'search', 'the provider runs it', 'warn');
    refuseUnguardable('frame', 'fetch', 'the provider runs it', 'ignore');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(warnings).to.deep.equal(["frame: tool 'search' cannot be guarded: the provider runs it."]);
  });
});
