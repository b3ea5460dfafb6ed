// `node run.mjs next|vitest|jest FOLDER URL`: starts the app in the folder, and prints the probe's line.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [kind, folder, url] = process.argv.slice(2);
const COMMANDS = {
  vitest: ['../../node_modules/vitest/vitest.mjs', 'run'],
  jest: ['--experimental-vm-modules', '../../node_modules/jest/bin/jest.js'],
};
if (kind === 'next') await askServer();
else {
  const out = join(folder, 'tally.json');
  const { status, stdout, stderr } = spawnSync(process.execPath, COMMANDS[kind], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PROBE_URL: url, PROBE_OUT: out },
  });
  console.error(stdout, stderr);
  process.exitCode = status;
  console.log(readFileSync(out, 'utf8'));
}

async function askServer() {
  const port = await freePort();
  const server = spawn(process.execPath, ['server.js'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: String(port), HOSTNAME: '127.0.0.1' },
  });
  try {
    await new Promise((ready, failed) => {
      server.stdout.on('data', (text) => /Ready/.test(text) && ready());
      server.on('close', failed);
    });
    const response = await fetch(`http://127.0.0.1:${port}/probe?url=${encodeURIComponent(url)}`);
    console.log(await response.text());
  } finally {
    server.kill();
  }
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
