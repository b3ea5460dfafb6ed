import { expect } from 'chai';
import { isLoopbackHost } from '../../../lib/common/transport/loopback.js';
import { counted } from '../../support/assurance.js';

describe('isLoopbackHost', () => {
  const ours = ['localhost', 'LOCALHOST', '127.0.0.1', '127.1', '127.255.255.254', '0x7f.1', '2130706433', '[::1]', '[0:0:0:0:0:0:0:1]'];
  const others = [
    'dev.localhost',
    'a.b.localhost',
    'localhost.',
    'localhost.localhost',
    'localhost.localdomain',
    'localhost.example',
    'localhost6',
    'notlocalhost',
    '127.0.0.1.localhost',
    '127.0.0.1.example',
    '128.0.0.1',
    '0.0.0.0',
    '[::]',
    '[::2]',
    '[::ffff:127.0.0.1]',
    'xn--localhost-.example',
  ];

  it('knows this machine, and takes no other name for it', () => {
    const hostOf = (name: string): string => new URL(`http://${name}`).hostname;
    const wrong = [
      ...ours.filter((name) => !isLoopbackHost(hostOf(name))),
      ...others.filter((name) => !URL.canParse(`http://${name}`) || isLoopbackHost(hostOf(name))),
    ];
    counted({ what: 'A14 which hosts are this machine', cases: ours.length + others.length, wrong: wrong.length });
    expect(wrong).to.deep.equal([]);
    expect(isLoopbackHost('::1')).to.equal(true);
  });
});
