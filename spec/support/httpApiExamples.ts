/** A request that docs/http-api.md shows as curl, and its spec makes. */
export interface HttpExample {
  /** The key that it is made with; none where the route wants none. */
  readonly key?: 'KEY' | 'ADMIN_KEY' | 'METRICS_KEY' | 'READ_KEY' | undefined;
  /** Where the approval stands whose id is in the path. */
  readonly approval?: 'pending' | 'approved' | 'used' | 'begun' | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What curl gets besides. */
  readonly flags?: string | undefined;
  readonly body?: object | undefined;
  /** The status of the error that it is answered with here, where there is nothing to do. */
  readonly refused?: number | undefined;
}

/** Signed by the command `aegis` on the server's machine. */
const HOST = { 'X-AEGIS-HOST': '$SIGNATURE' };

/** SHA-256 of the canonical form of {@link CALL}'s params. */
export const DIGEST = '4274c9925e63941035e259a0ee8a14738137f4ec312687476e4852f974188b63';
const BINDING = '5b1f2f0cbb8c1d0a4f5e9a3d7c6b8e2f1a0d9c8b7e6f5a4d3c2b1a0f9e8d7c6b';

/** A call that a person has to approve. */
export const CALL = { agent_id: 'shop-agent', tool: { name: 'refund', params: { order: 'order-7', amount: 120 } }, session: null };

/** What a client sends that uses its approvals up. */
export const CLIENT: Readonly<Record<string, string>> = { 'X-AEGIS-CAPABILITIES': 'effective-digest,consume', 'X-AEGIS-BINDING': BINDING };

export const USE = { digest: DIGEST, bindingBase: BINDING, token: 'run-1' };

/** By the name of the route. */
export const HTTP_EXAMPLES: Readonly<Record<string, HttpExample>> = {
  decide: { key: 'KEY', headers: { 'Idempotency-Key': 'call-81', ...CLIENT }, body: CALL },
  reevaluate: { key: 'KEY', approval: 'approved', headers: CLIENT, body: CALL },
  dryRun: {
    key: 'KEY',
    body: { calls: [CALL, { agent_id: 'shop-agent', tool: { name: 'export', params: {} }, session: { user_id: 'ann' } }] },
  },
  withdrawRequest: { key: 'KEY', body: { agent_id: 'shop-agent', idempotency_key: 'call-81' } },
  status: { key: 'KEY', approval: 'pending' },
  statuses: { key: 'KEY', body: { ids: ['$ID', 'dec_unknown'] }, approval: 'pending' },
  consume: { key: 'KEY', approval: 'approved', body: USE },
  begin: { key: 'KEY', approval: 'used', body: { token: 'run-1', claimToken: 'worker-3' } },
  withdraw: { key: 'KEY', approval: 'pending' },
  expire: { key: 'KEY', approval: 'pending' },
  outcome: { key: 'KEY', approval: 'begun', body: { token: 'run-1', status: 'failed', error_code: 'card_declined' } },
  listApprovals: { key: 'READ_KEY', approval: 'pending' },
  readApproval: { key: 'READ_KEY', approval: 'pending' },
  giveVerdict: { approval: 'pending', headers: HOST, body: { verdict: 'deny', digest: DIGEST, reason: 'the order was returned' } },
  previewEdit: {
    approval: 'pending',
    headers: HOST,
    body: { digest: DIGEST, edit: { set: { '/amount': 200 } } },
    refused: 403,
  },
  challengeVerdict: {
    approval: 'pending',
    headers: { Cookie: 'aegis-local=$SESSION', 'Sec-Fetch-Site': 'same-origin' },
    body: { verdict: 'approve', digest: DIGEST, version: 1, reason: 'the order was returned' },
    refused: 401,
  },
  listGrants: { key: 'READ_KEY' },
  readGrant: { key: 'READ_KEY', refused: 404 },
  revokeGrant: { headers: HOST, body: { reason: 'the limit was too high' }, refused: 404 },
  proposeGrant: { key: 'READ_KEY', approval: 'pending' },
  proposeLoosenedGrant: { key: 'READ_KEY', approval: 'pending', body: { loosen: { '/amount': { '>=': 0, '<=': 500 } } } },
  readPolicies: { key: 'READ_KEY' },
  checkPolicies: {
    key: 'READ_KEY',
    body: { files: [{ file: 'shop.cedar', text: '@id("all") permit (principal, action, resource);' }] },
  },
  reloadPolicies: { headers: HOST },
  confirmPolicies: { headers: HOST, body: { hash: DIGEST }, refused: 409 },
  readStagedPolicies: { key: 'READ_KEY' },
  stagePolicies: {
    headers: HOST,
    body: { files: [{ file: 'shop.cedar', text: '@id("all") permit (principal, action, resource);' }], sample: 0.1 },
  },
  promotePolicies: { headers: HOST, body: { hash: DIGEST, max_newly_allowed: 0, min_decisions: 1_000 }, refused: 409 },
  dropStagedPolicies: { headers: HOST, refused: 404 },
  listLimits: { key: 'READ_KEY' },
  readLimit: { key: 'READ_KEY', refused: 404 },
  listHalts: { key: 'READ_KEY' },
  orderHalt: { headers: HOST, body: { scope: { agent: 'another-agent' }, reason: 'it refunds everything', until: '2099-01-31T12:00:00Z' } },
  liftHalt: { headers: HOST, body: { reason: 'it was fixed' }, refused: 404 },
  events: { key: 'KEY', flags: '-N' },
  inboxEvents: { headers: { Cookie: 'aegis-local=$SESSION' }, flags: '-N', refused: 401 },
  listKeys: { key: 'ADMIN_KEY' },
  createKey: { key: 'ADMIN_KEY', body: { name: 'scraper', scopes: ['metrics:read'] } },
  rotateKey: { key: 'ADMIN_KEY', body: { overlap_s: 3_600 } },
  revokeKey: { key: 'ADMIN_KEY' },
  listPeople: { headers: HOST },
  endPerson: { headers: HOST },
  createInvitation: { headers: HOST, body: { name: 'Bob Ray', roles: ['approver'], groups: ['finance-leads'], user_ids: ['u-1043'] } },
  confirmNewcomer: { headers: HOST, refused: 404 },
  endInvitation: { headers: HOST },
  makeSetupLink: { headers: HOST },
  health: {},
  ready: {},
  wellKnown: {},
  metrics: { key: 'METRICS_KEY' },
  openapi: {},
};
