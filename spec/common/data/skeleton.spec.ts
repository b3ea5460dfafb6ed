import { expect } from 'chai';
import { LOOKALIKES, seenAs, skeleton } from '../../../lib/common/data/skeleton.js';

describe('skeleton', () => {
  it('is the same for texts that can be taken for each other', () => {
    for (const [one, other] of [
      ['apple.com', 'аррӏе.com'],
      ['apple.com', 'аррIе.com'],
      ['amount', 'аmount'],
      ['amount', 'ａmount'],
      ['amount', '𝐚mount'],
      ['amount', 'am\u200bount'],
      ['paypal', 'paypa1'],
      ['modern', 'modem'],
      ['O0', '0O'],
    ] as const)
      expect(skeleton(one), other).to.equal(skeleton(other));
    expect(skeleton('to')).to.not.equal(skeleton('cc'));
    expect(skeleton('é')).to.not.equal(skeleton('e'));
  });

  it('has only ASCII that others look like, each character once', () => {
    for (const [other, ascii] of LOOKALIKES) {
      expect(ascii, other).to.match(/^[a-zA-Z0-9]$/);
      expect(other).to.not.match(/[ -~]/);
    }
    expect(seenAs('Ｐаy\u200bраӏ')).to.equal('Paypal');
  });
});
