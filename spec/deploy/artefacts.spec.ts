import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SERVER_VARIABLES } from '../../lib/server/config/ServerSettings.js';
import { runAegis } from '../cli/runAegis.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
const read = (name: string): string => readFileSync(`deploy/${name}`, 'utf8');
const KNOWN = [...SERVER_VARIABLES, 'AEGIS_STATE_KEY', 'NODE_ENV', 'NODE_OPTIONS', 'MALLOC_ARENA_MAX'];

/** The options of a command of `aegis`. */
async function optionsOf(...command: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runAegis([...command, '--help'], { serve: async () => 0 });
  return [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, option]) => option as string);
}

describe('deploy/Dockerfile', () => {
  /** Instructions with their continued lines. */
  const instructions = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^([A-Z]+) +(.*)$/.exec(line)?.slice(1) as [string, string]);
  const all = (name: string): readonly string[] => instructions.filter(([instruction]) => instruction === name).map(([, rest]) => rest);

  it('has instructions that Docker knows, and runs this version', () => {
    const known = [
      'FROM',
      'ARG',
      'WORKDIR',
      'RUN',
      'COPY',
      'ENV',
      'USER',
      'VOLUME',
      'EXPOSE',
      'STOPSIGNAL',
      'HEALTHCHECK',
      'ENTRYPOINT',
      'CMD',
    ];
    for (const [instruction] of instructions) expect(known).to.include(instruction);
    expect(all('ARG')).to.deep.equal([`AEGIS_VERSION=${version}`]);
    for (const from of all('FROM')) expect(from).to.match(/^node:24-slim\b/);
  });

  it('runs as a user of its own, without install scripts', () => {
    expect(all('USER')).to.deep.equal(['10001:10001']);
    // nothing is run as root after it
    expect(instructions.findLastIndex(([name]) => name === 'RUN')).to.be.lessThan(instructions.findIndex(([name]) => name === 'USER'));
    expect(all('RUN').find((line) => line.includes('npm install'))).to.include('--ignore-scripts');
  });

  it('sets variables and gives options that there are', async () => {
    const variables = all('ENV').flatMap((line) => [...line.matchAll(/([A-Z_]+)=/g)].map(([, name]) => name));
    expect(variables).to.have.length(6);
    for (const name of variables) expect(KNOWN).to.include(name);
    const words = [
      ...all('HEALTHCHECK')
        .join(' ')
        .matchAll(/"(--?[\w-]+)"/g),
    ].map(([, word]) => word);
    expect(words).to.deep.equal(['--url']);
    expect(await optionsOf('health')).to.include.members(words);
    expect(JSON.parse(all('CMD')[0] as string)).to.deep.equal(['serve']);
    expect(JSON.parse(all('ENTRYPOINT')[0] as string)[1]).to.match(/\/aegislib\/dist\/cli\/aegis\.js$/);
  });
});

describe('deploy/compose.yaml', () => {
  interface Service {
    readonly environment: Readonly<Record<string, string>>;
    readonly secrets: readonly string[];
    readonly volumes: readonly string[];
    readonly read_only?: boolean;
    readonly image?: string;
    readonly depends_on?: Readonly<Record<string, unknown>>;
    readonly ports?: readonly string[];
  }
  const file = parse(read('compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly secrets: Readonly<Record<string, unknown>>;
    readonly volumes: Readonly<Record<string, unknown>>;
  };
  const servers = Object.entries(file.services).filter(([name]) => name !== 'postgres');

  it('has two servers on one Postgres, each with the same state key', () => {
    expect(servers).to.have.length(2);
    const [first, second] = servers.map(([, service]) => service) as [Service, Service];
    expect(first.environment).to.deep.equal(second.environment);
    expect(first.ports).to.not.deep.equal(second.ports);
    expect(file.services['postgres']?.image).to.match(/^postgres:\d+$/);
  });

  it('sets variables that there are, and no secret in clear', () => {
    for (const [, { environment }] of servers) for (const name of Object.keys(environment)) expect(KNOWN).to.include(name);
    for (const { environment } of Object.values(file.services))
      for (const [name, value] of Object.entries(environment))
        if (/PASSWORD|KEY|STORE/.test(name))
          expect([name, value]).to.satisfy(([n, v]: [string, string]) => n.endsWith('_FILE') && v.startsWith('/run/secrets/'));
  });

  it('names secrets, volumes and services that there are, and listens on loopback', () => {
    for (const service of Object.values(file.services)) {
      for (const secret of service.secrets) expect(Object.keys(file.secrets)).to.include(secret);
      for (const path of Object.values(service.environment).filter((value) => value.startsWith('/run/secrets/')))
        expect(service.secrets).to.include(path.slice('/run/secrets/'.length));
      for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(file.services)).to.include(name);
      for (const volume of service.volumes.map((mount) => mount.split(':')[0] as string))
        if (!volume.startsWith('./')) expect(Object.keys(file.volumes)).to.include(volume);
      for (const port of service.ports ?? []) expect(port).to.match(/^127\.0\.0\.1:\d+:4180$/);
    }
    for (const [, service] of servers) expect(service.read_only).to.equal(true);
  });
});

describe('deploy/aegis.service', () => {
  const text = read('aegis.service');
  const settings = new Map([...text.matchAll(/^(?!#)([A-Za-z]+)=(.*)$/gm)].map(([, name, value]) => [name as string, value as string]));

  it('runs as a user of its own, who can write its state and nothing else', () => {
    expect(Object.fromEntries(settings)).to.include({
      DynamicUser: 'yes',
      StateDirectory: 'aegis',
      StateDirectoryMode: '0700',
      ProtectSystem: 'strict',
      NoNewPrivileges: 'yes',
      CapabilityBoundingSet: '',
    });
    expect(Number(settings.get('LimitNOFILE'))).to.be.at.least(20_000);
    expect(text).to.include('Environment=AEGIS_SERVER_DATA=/var/lib/aegis');
  });

  it('sets variables that there are, and runs a command that there is', () => {
    const variables = [...text.matchAll(/^Environment=(\w+)=/gm)].map(([, name]) => name);
    expect(variables).to.have.length(6);
    for (const name of variables) expect(KNOWN).to.include(name);
    expect(settings.get('ExecStart')).to.match(/^\/usr\/bin\/node \S+\/aegislib\/dist\/cli\/aegis\.js serve$/);
  });

  it('passes systemd-analyze where there is one', function () {
    const folder = mkdtempSync(join(tmpdir(), 'aegis-unit-'));
    try {
      const unit = join(folder, 'aegis.service');
      // the Node of this machine
      writeFileSync(unit, text.replace('/usr/bin/node', process.execPath));
      const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
      if (error !== undefined) return this.skip();
      expect(status, stderr).to.equal(0);
      expect(stderr.split('\n').filter((line) => line.includes('aegis.service'))).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('deploy/alerts.yaml', () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
    readonly for?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }
  const { groups } = parse(read('alerts.yaml')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  let metrics: string;
  before(() => {
    metrics = readFileSync('lib/server/front/ServerMetrics.ts', 'utf8');
  });

  it('asks for metrics and labels that the server has', () => {
    const asked = rules.flatMap(({ expr }) => [...expr.matchAll(/\baegis_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')));
    expect(asked.length).to.be.at.least(rules.length);
    for (const name of asked) expect(metrics, name).to.include(`'${name}'`);
    const labels = rules.flatMap(({ expr }) => [...expr.matchAll(/by \((\w+)\)/g)].map(([, label]) => label as string));
    expect(labels).to.include.members(['le', 'tenant', 'reason']);
    for (const label of labels.filter((name) => name !== 'le')) expect(metrics).to.include(`'${label}'`);
  });

  it('says of each alert what is wrong, since when, and what to do', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).to.equal(rules.length);
    for (const { alert, expr, labels, annotations, for: since } of rules) {
      expect(alert).to.match(/^Aegis[A-Z]\w+$/);
      expect([...expr].filter((c) => c === '(').length, expr).to.equal([...expr].filter((c) => c === ')').length);
      if (since !== undefined) expect(since).to.match(/^\d+[mh]$/);
      expect(['page', 'ticket']).to.include(labels['severity']);
      expect(annotations['summary'], alert).to.match(/\.$/);
      expect(annotations['description'], alert).to.match(/\.$/);
    }
  });
});
