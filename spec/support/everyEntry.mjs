// Nothing runs in any spec without a decision that allows it, or an approval that was used for it: each module of each spec has a journal that holds this
// against every entry, and a spec in which it does not hold fails. Modules whose journal, memory or time is measured are left alone.
import Mocha from 'mocha';
import { existsSync } from 'node:fs';

const LIB = new URL('../../.build/lib/', import.meta.url);
/** Where a journal more would change what is measured, or what is looked at is what happens without one. */
const APART =
  /(?:load|heap|pace|budget|chaos|soak|bench|memory|bounded|large|journal|enterMethod|forget|checkOptions|hostileData|PendingCallState|frugality)[^/]*\.spec|\/spec\/(?:audit|cli|assurance|package|store)/i;
const KEPT = 100_000;

let file = '';
const { prototype } = Mocha.Runnable;
const { run } = prototype;
prototype.run = function (done) {
  file = this.file ?? this.parent?.file ?? file;
  return run.call(this, done);
};

let entries = 0;
/** @type {string[]} */
let unlawful = [];

/** @type {(value: unknown) => string} */
let digestOf = () => '';

function keep(map, key, value) {
  map.set(key, value);
  if (map.size > KEPT) map.delete(map.keys().next().value);
}

/** A journal of one module: with policies of its own, its approvals are used at the desk that it is told of. */
function witness(hasDesk) {
  /** What may run: by decision, the digest of the params. A decision is good for one entry, an approval for those of its claim. */
  const allowed = new Map();
  const used = new Map();
  const open = new Map();
  const check = ({ decisionId, toolName, taskId, token, params, reused }) => {
    const digest = digestOf(params);
    const said = (why) => unlawful.push(`'${toolName}' was entered ${why}`);
    if (reused === true) return open.get(decisionId) === digest ? undefined : said('inside no entry of the same call');
    keep(open, decisionId, digest);
    if (token === undefined && allowed.has(decisionId)) {
      if (allowed.get(decisionId) !== digest) said('with other params than were allowed');
      return void allowed.delete(decisionId);
    }
    if (token === undefined || taskId === undefined) return said('without a decision that allows it');
    if (hasDesk && used.get(decisionId) !== digest) said('without an approval that was used for these params');
    return undefined;
  };
  return {
    note(event) {
      try {
        if (event.kind === 'decided') {
          const { decision, request, dryRun, approvalId } = event;
          if (dryRun === true || approvalId !== undefined || (decision.effect !== 'allow' && decision.effect !== 'sanitize')) return;
          keep(allowed, decision.decisionId, decision.params === undefined ? request.paramsDigest : digestOf(decision.params));
        } else if (event.kind === 'consumed') keep(used, event.decisionId, event.approval.digest);
        else if (event.kind === 'entering') {
          entries += 1;
          check(event);
        }
      } catch (error) {
        unlawful.push(String(error));
      }
    },
  };
}

/** The options with one journal more. Options that are not plain data are what the spec is about. */
function witnessed(options) {
  if (APART.test(file) || typeof options !== 'object' || options === null || Object.getPrototypeOf(options) !== Object.prototype)
    return options;
  if (Object.values(Object.getOwnPropertyDescriptors(options)).some((property) => !('value' in property))) return options;
  const { journal } = options;
  const given = journal === undefined ? [] : Array.isArray(journal) ? journal : [journal];
  return { ...options, journal: [witness(options.policies !== undefined), ...given] };
}

export const mochaHooks = {
  async beforeAll() {
    const place = new URL('guard/module/AegisModule.js', LIB);
    if (!existsSync(place)) return;
    ({ canonicalDigest: digestOf } = await import(new URL('common/data/canonical.js', LIB)));
    const { AegisModule } = await import(place);
    for (const name of ['create', 'configure']) {
      const original = AegisModule[name];
      AegisModule[name] = function (options = {}) {
        return original.call(this, witnessed(options));
      };
    }
  },
  afterEach() {
    const found = unlawful;
    unlawful = [];
    if (found.length > 0) throw new Error(`The law does not hold: ${found.join('; ')}`);
  },
  afterAll() {
    console.log(`  every entry of every module: ${entries.toLocaleString('en')}, each under a decision or a used approval of its own`);
  },
};
