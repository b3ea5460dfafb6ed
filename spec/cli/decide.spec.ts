import { expect } from 'chai';
import { failureOf, folderOf, runAegis, SHOP } from './runAegis.js';

const BOT = ['--agent', 'bot', '--tool', 'refund'];

describe('aegis decide', function () {
  this.timeout(20_000);
  const files = folderOf({
    'shop.cedar': SHOP,
    'more.cedar': `
      @id("lead") permit (principal in Aegis::Role::"lead", action in Aegis::Action::"money", resource) when { principal.tier > 1 };
      @id("session") permit (principal, action == Aegis::Action::"s", resource) when { context.session.user_id == "ann" };
      @id("facts") permit (principal, action == Aegis::Action::"f", resource) when { context.facts.calls < 2 };
      @id("time") permit (principal, action == Aegis::Action::"t", resource) when { context.system.now < datetime("2000-01-01") };
      @id("x") permit (principal, action == Aegis::Action::"r", resource);
      @id("drop") @effect("sanitize") @sanitize("remove /secret") forbid (principal, action == Aegis::Action::"r", resource) when { context.input has secret };`,
    'watched.cedar': `${SHOP}
      @id("watched") @effect("approval_needed") @approvers("leads") @observe("true") @observe_until("${new Date(Date.now() + 86_400_000).toISOString()}")
      forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 0 };`,
    'limits.cedar': `
      @id("all") permit (principal, action, resource);
      @id("budget") @effect("limit") @limit("1000/1d by agent,session/user_id") @cost("/cents") @over("approval_needed") @approvers("finance")
      forbid (principal, action == Aegis::Action::"refund", resource);
      @id("few") @effect("limit") @limit("3/90m sliding by agent") forbid (principal, action == Aegis::Action::"refund", resource);
      @id("seen") @effect("limit") @limit("1/1d") @cost("/weight") @observe("true") @observe_until("${new Date(Date.now() + 86_400_000).toISOString()}")
      forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has weight };`,
    'params.json': '{"amount": 5000}',
  });
  after(() => files.remove());
  const shop = files.path('shop.cedar');
  const more = files.path('more.cedar');

  const effects: Record<string, [string, number, readonly string[]]> = {
    allow: ['{"amount":1}', 0, ['  policy   permit shop']],
    deny: ['{"amount":5000}', 3, ['  code     forbidden', '  reason   refunds over 1000 are not made', '  policy   deny huge']],
    approval_needed: [
      '{"amount":500}',
      4,
      [
        '  reason   refunds over 100 need a person',
        '  policy   approval_needed large (approvers: finance, leads)',
        '  policy   permit shop',
      ],
    ],
    sanitize: [
      '{"note":"a@example.com"}',
      5,
      ['  message  no addresses', '  params   {"note":"[email]"}', '  policy   sanitize mail', '  policy   permit shop'],
    ],
  };
  for (const [effect, [params, code, lines]] of Object.entries(effects)) {
    it(`says ${effect} with its reasons, and exits with ${code}`, async () => {
      const { stdout, ...rest } = await runAegis(['decide', shop, ...BOT, '--params', params]);
      expect(rest).to.deep.equal({ code, stderr: '' });
      expect(stdout.split('\n')).to.deep.equal([effect, ...lines, '']);
    });

    it(`says ${effect} as one JSON document, with the same exit code`, async () => {
      const { code: same, stdout } = await runAegis(['decide', shop, ...BOT, '--params', params, '--json']);
      expect(same).to.equal(code);
      const answer = JSON.parse(stdout) as { effect: string; policies: { id: string }[]; params?: object };
      expect(answer.effect).to.equal(effect);
      expect(answer.policies.map(({ id }) => id)).to.include(effect === 'deny' ? 'huge' : 'shop');
      expect('params' in answer).to.equal(effect === 'sanitize');
    });
  }

  it('names what is only watched, and until when it decides without it', async () => {
    const args = ['decide', files.path('watched.cedar'), ...BOT, '--params', '{"amount":1}'];
    const { code, stdout } = await runAegis(args);
    expect(code).to.equal(0);
    expect(stdout.split('\n')).to.deep.equal([
      'allow',
      '  policy   permit shop',
      '  observed approval_needed watched (approvers: leads)',
      '',
    ]);
    const json = JSON.parse((await runAegis([...args, '--json'])).stdout) as { observed: unknown };
    expect(json.observed).to.deep.equal([{ id: 'watched', effect: 'approval_needed', approvers: ['leads'] }]);
    const later = new Date(Date.now() + 2 * 86_400_000).toISOString();
    expect((await runAegis([...args, '--now', later])).code).to.equal(4);
  });

  it('says which limits would count the call, and what becomes of it where they are used; counts nothing', async () => {
    const args = ['decide', files.path('limits.cedar'), ...BOT, '--session', '{"user_id":"ann"}', '--params'];
    const { code, stdout } = await runAegis([...args, '{"cents":250.5}']);
    expect(code).to.equal(0);
    expect(stdout.split('\n')).to.deep.equal([
      'allow',
      '  policy   permit all',
      '  limit    budget: counts 250.5 of 1,000 in 1 day, fixed, by agent, session/user_id',
      '  limit    few: counts 1 of 3 in 90 minutes, sliding, by agent',
      '',
    ]);
    const used = (budget: number): string[] => ['--limits', JSON.stringify({ budget: { used: budget } })];
    const asks = await runAegis([...args, '{"cents":250}', ...used(751)]);
    expect([asks.code, asks.stdout.includes('  policy   limit budget (approvers: finance)')]).to.deep.equal([4, true]);
    expect((await runAegis([...args, '{"cents":250}', ...used(750)])).code).to.equal(0);
    const denied = await runAegis([...args, '{"cents":1}', '--limits', '{"few":{"used":3}}']);
    expect(denied.code).to.equal(3);
    expect(denied.stdout).to.include('  code     limit_reached').and.include('  reason   A limit is reached.');
    expect((await runAegis([...args, '{}'])).stdout).to.include('  code     limit_cost');
    const json = JSON.parse((await runAegis([...args, '{"cents":2}', '--json'])).stdout) as { limits: unknown };
    expect(json.limits).to.deep.equal([
      { id: 'budget', cost: 2, limit: 1000, windowS: 86_400, kind: 'fixed', by: ['agent', 'session/user_id'], over: 'approval_needed' },
      { id: 'few', cost: 1, limit: 3, windowS: 5_400, kind: 'sliding', by: ['agent'], over: 'deny' },
    ]);
    expect((await runAegis([...args, '{"cents":1,"weight":"x"}'])).stdout).to.include('  limit    seen: cannot be counted for 1 in 1 day');
    for (const [given, message] of [
      ['{"bugdet":{"used":1}}', "did you mean 'budget'"],
      ['{"budget":{"used":-1}}', 'limits.budget: must be such as'],
      ['{"budget":5}', 'limits.budget: must be such as'],
      ['[]', '--limits'],
      ['{', '--limits'],
    ] as const)
      expect(await failureOf([...args, '{"cents":1}', '--limits', given]), given).to.include(message);
  });

  it('asks about no params where none are given', async () => {
    expect((await runAegis(['decide', shop, ...BOT])).code).to.equal(0);
  });

  it('reads params from a file', async () => {
    expect((await runAegis(['decide', shop, ...BOT, '--params', `@${files.path('params.json')}`])).code).to.equal(3);
  });

  it('gives policies all that a call may have', async () => {
    const cases: [readonly string[], number][] = [
      [['--tool', 'pay', '--group', 'money', '--role', 'other', '--role', 'lead', '--attributes', '{"tier":2}'], 0],
      [['--tool', 'pay', '--group', 'money', '--role', 'lead', '--attributes', '{"tier":1}'], 3],
      [['--tool', 's', '--session', '{"user_id":"ann"}'], 0],
      [['--tool', 's', '--session', '{"user_id":"bob"}'], 3],
      [['--tool', 'f', '--facts', '{"calls":1}'], 0],
      [['--tool', 't', '--now', '1999-12-31T12:00:00Z'], 0],
      [['--tool', 't'], 3],
      [['--tool', 'r', '--params', '{"secret":"x"}', '--removable', 'secret'], 5],
      [['--tool', 'r', '--params', '{"secret":"x"}'], 3],
    ];
    for (const [args, code] of cases)
      expect((await runAegis(['decide', more, '--agent', 'a', ...args])).code, args.join(' ')).to.equal(code);
  });

  it('says for the person at the keyboard what a policy failed of', async () => {
    const { code, stdout } = await runAegis(['decide', more, '--agent', 'a', '--tool', 's']);
    expect(code).to.equal(3);
    expect(stdout)
      .to.include('  code     policy_error')
      .and.match(/\n {2}detail {3}/);
  });

  it('shows neither params that policies leave alone nor the session', async () => {
    for (const json of [[], ['--json']]) {
      const args = [
        'decide',
        shop,
        ...BOT,
        '--params',
        '{"amount":5000,"token":"canary-7f3"}',
        '--session',
        '{"key":"canary-7f3"}',
        ...json,
      ];
      const { stdout, stderr } = await runAegis(args);
      expect(stdout + stderr).to.not.include('canary-7f3');
    }
  });

  const refused: Record<string, [readonly string[], RegExp]> = {
    'bad JSON': [['--params', '{"amount": canary-7f3}'], /^aegis: --params: not valid JSON\n$/],
    'a key that stands twice': [['--params', '{"a":1,"a":"canary-7f3"}'], /^aegis: --params: an object contains a key twice/],
    'a list': [['--session', '["canary-7f3"]'], /^aegis: --session must be a JSON object/],
    null: [['--facts', 'null'], /^aegis: --facts must be a JSON object/],
    'a text': [['--attributes', '"canary-7f3"'], /^aegis: --attributes must be a JSON object/],
    'a file that is not there': [['--params', '@nowhere.json'], /^aegis: nowhere\.json: there is no such file or folder/],
    'a name that no file can have': [['--params', `@${'x'.repeat(5000)}`], /it cannot be read \(ENAMETOOLONG\)/],
    'a time that is none': [['--now', 'canary-7f3'], /^aegis: --now must be a time/],
    'a name that params cannot have': [['--params', '{"constructor":"canary-7f3"}'], /^aegis: .*constructor/],
    'attributes that Cedar cannot have': [['--attributes', '{"__entity":"canary-7f3"}'], /^aegis: agents\.bot: /],
  };
  for (const [what, [args, message]] of Object.entries(refused))
    it(`refuses ${what}, and quotes nothing of it`, async () => {
      const said = await failureOf(['decide', shop, ...BOT, ...args]);
      expect(said).to.match(message).and.not.include('canary-7f3');
    });

  it('refuses policies that are not there', async () => {
    expect(await failureOf(['decide', 'nowhere', ...BOT])).to.include('aegis: nowhere: There is no such file');
  });
});
