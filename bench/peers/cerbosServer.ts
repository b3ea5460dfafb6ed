import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerServer } from './PeerServer.js';

/** Cerbos over HTTP: a policy a tool, no audit log, no telemetry. */
export const cerbosServer: PeerServer = {
  name: 'Cerbos 0.55.0',
  package: '@cerbos/cerbos-linux-x64',
  program: 'cerbos-linux-x64',
  prepare(folder, policies, [http, grpc]) {
    const place = join(folder, 'policies');
    mkdirSync(place);
    const forbids = Array.from({ length: 9 }, (_, i) =>
      deny(`request.resource.attr.amount > ${1_000_000 + i} && has(request.resource.attr.memo)`),
    );
    writeFileSync(join(place, 'pay.yaml'), policy('pay', forbids));
    for (let i = 0; i < policies - forbids.length - 1; i++)
      writeFileSync(join(place, `tool-${i}.yaml`), policy(`tool-${i}`, [deny(`request.resource.attr.n > ${i}`)]));
    const config = {
      server: { httpListenAddr: `127.0.0.1:${http}`, grpcListenAddr: `127.0.0.1:${grpc}` },
      telemetry: { disabled: true },
      storage: { driver: 'disk', disk: { directory: place, watchForChanges: false } },
    };
    // JSON is YAML
    writeFileSync(join(folder, 'cerbos.yaml'), JSON.stringify(config));
    return ['server', '--config', join(folder, 'cerbos.yaml'), '--log-level', 'error'];
  },
  health: '/_cerbos/health',
  path: '/api/check/resources',
  body: (amount) => ({
    requestId: 'bench',
    principal: { id: 'bench', roles: ['agent'] },
    resources: [{ actions: ['call'], resource: { kind: 'pay', id: 'pay', attr: { amount, to: 'ann@example.com', memo: 'a refund' } } }],
  }),
  allows: (body) => body.includes('"call":"EFFECT_ALLOW"'),
};

const ALLOW = { actions: ['call'], effect: 'EFFECT_ALLOW', roles: ['agent'] };

function deny(expr: string): object {
  return { actions: ['call'], effect: 'EFFECT_DENY', roles: ['agent'], condition: { match: { expr } } };
}

function policy(resource: string, forbids: readonly object[]): string {
  return JSON.stringify({
    apiVersion: 'api.cerbos.dev/v1',
    resourcePolicy: { version: 'default', resource, rules: [ALLOW, ...forbids] },
  });
}
