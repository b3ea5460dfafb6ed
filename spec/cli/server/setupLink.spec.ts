import { expect } from 'chai';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../../lib/cli/server/serve.js';
import { PageClient } from '../../support/PageClient.js';
import { until } from '../../support/until.js';
import { POLICIES } from '../../server/tenantSetup.js';

describe('The link that aegis serve makes for the first person', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-setup-'));
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'policies', 'all.cedar'), POLICIES);
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
  });
  afterEach(() => {
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  const printed = async (
    terminal: { readonly ask?: () => Promise<string> },
    use: (text: string, file: string) => Promise<void>,
  ): Promise<void> => {
    let text = '';
    const io = { out: (more: string) => void (text += more), err: () => {}, beforeForeignCode: () => {}, ...terminal };
    const data = join(folder, 'data');
    const ended = serve(join(folder, 'policies'), { data, store: 'memory', listen: '0' }, io);
    try {
      await Promise.race([ended, until(() => text !== '')]);
      await use(text, join(data, 'setup-link.txt'));
    } finally {
      process.emit('SIGTERM', 'SIGTERM');
      await ended;
    }
  };

  it('is printed at a terminal, and is in no file', async () => {
    await printed({ ask: async () => '' }, async (text, file) => {
      expect(text).to.match(/open this link; it works once, for 15 minutes:\n  http:\/\/localhost:\d+\/bootstrap#[\w-]{43}\n/);
      expect(existsSync(file)).to.equal(false);
    });
  });

  it('is in a file that only its user reads where there is no terminal, and works', async () => {
    await printed({}, async (text, file) => {
      const { origin, hash } = new URL(readFileSync(file, 'utf8').trim());
      expect(text).to.include('setup-link.txt').and.not.include(hash.slice(1));
      if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).to.equal(0o600);
      const client = new PageClient(origin);
      await client.open('/bootstrap');
      await client.submit('/bootstrap', { secret: hash.slice(1), name: '', how: 'enter' });
      expect([...client.cookies.keys()]).to.deep.equal(['aegis-local']);
    });
  });
});
