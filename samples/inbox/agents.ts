// The three agents of the demo, each in a process of its own: harmless calls, risky ones, and hostile ones that somebody wrote into what the agent read.
import { AegisModule, guard, isPending, type Guarded, type PendingApproval } from 'aegislib';
import { setTimeout as sleep } from 'node:timers/promises';
import { show } from '../show.js';
import { HOSTILE_MAIL } from './hostileMail.js';

type Step = () => Promise<Guarded<string> | undefined>;
type Colour = Parameters<typeof show>[1];

const [agentId = '', baseUrl = ''] = process.argv.slice(2);
const COLOURS: Readonly<Record<string, Colour>> = { 'support-agent': 'cyan', 'outreach-agent': 'yellow', 'ops-agent': 'magenta' };
// passkeys want a name, not an address
const inboxUrl = baseUrl.replace('127.0.0.1', 'localhost');
// most is about the first agent; the others leave the terminal to it
const everyMs = Number(process.env['DEMO_EVERY_MS'] ?? 3_000) * (agentId === 'support-agent' ? 1 : 5);
const rounds = Number(process.env['DEMO_ROUNDS'] ?? Infinity);

let grantId: string | undefined;
const module = AegisModule.create({
  baseUrl,
  apiKey: process.env['AEGIS_API_KEY'] ?? '',
  agentId,
  journal: { note: (event) => void (event.kind === 'decided' && (grantId = event.decision.grantId)) },
});
const coverage = (): string => (grantId === undefined ? '' : `, without asking: ${grantId} covers it`);
const say = (text: string): void => show(agentId.replace('-agent', ''), COLOURS[agentId] ?? 'cyan', text);

/** A tool that does nothing but say so. Who is behind a call is known to the host, not to the agent. */
function tool(toolName: string, names: readonly string[], done: (...args: readonly never[]) => string, userId?: string) {
  return guard(async (...args: readonly unknown[]): Promise<Guarded<string>> => done(...(args as never[])), {
    toolName,
    params: [...names],
    module,
    ...(userId !== undefined && { session: { user_id: userId } }),
  });
}

const refund = tool(
  'payments.refund',
  ['order', 'amount', 'note'],
  (order: string, amount: number) => `refunded ${amount} for ${order}`,
  'eve',
);
const reply = tool('chat.reply', ['text'], (text: string) => `replied: ${text}`);
const readOrder = tool('orders.read', ['order'], (order: string) => `${order}: shipped yesterday`);
const exportAll = tool('crm.export', ['format'], (format: string) => `exported as ${format}`);
const sendMail = tool('mail.send', ['to', 'subject', 'body'], (to: string) => `mailed ${to}`);
const query = tool('db.query', ['sql'], () => '42 rows');
const execute = tool('db.execute', ['sql', 'database'], (sql: string) => `ran ${sql}`, 'kim');

/** How many calls of each tool wait for a person. */
const waiting = new Map<string, number>();
/** Asks only while fewer calls of the tool wait, so that there is no end to what an inbox can be looked through for. */
const unless = (toolName: string, most: number, step: Step): Step => {
  return async () => ((waiting.get(toolName) ?? 0) < most ? step() : undefined);
};

/** The same refund for one customer after another: what a grant is for. */
const refundRecalled = unless('payments.refund', 1, () => refund('recall-77', 250, 'The kettle is recalled; the customer sent it back.'));
/** A mail that is what it seems to be, and one that is not. */
const MAILS = [HOSTILE_MAIL, ['lee@partner.example', 'Your question', 'The new catalogue is attached.']] as const;

const STEPS: Readonly<Record<string, (round: number) => readonly Step[]>> = {
  'support-agent': (round) => [
    () => readOrder(`A-${1040 + round}`),
    refundRecalled,
    () => reply('Write to ann@acme.example if it does not arrive.'),
    () => refund(`A-${1040 + round}`, 20, 'Late delivery.'),
    refundRecalled,
    () => exportAll('csv'),
    refundRecalled,
    refundRecalled,
  ],
  'outreach-agent': (round) => [
    unless('mail.send', MAILS.length, () => sendMail(...(MAILS[(round + 1) % MAILS.length] ?? HOSTILE_MAIL))),
    () => sendMail('ann@acme.example', 'Weekly figures', 'All is well.'),
  ],
  'ops-agent': (round) => [
    unless('db.execute', 1, () => execute(`ALTER TABLE orders ADD COLUMN note_${round} text`, 'shop-production')),
    () => query('select count(*) from orders'),
  ],
};

/** Whether anything was asked for. */
async function ask(step: Step): Promise<boolean> {
  try {
    grantId = undefined;
    const result = await step();
    if (result === undefined) return false;
    if (!isPending(result)) say(`${result}${coverage()}`);
    else follow(result);
  } catch (error) {
    say((error as Error).message);
  }
  return true;
}

/** The agent goes on; what becomes of the call is said when it is known. */
function follow(pending: PendingApproval<string>): void {
  const { toolName, decisionId } = pending;
  const count = (more: number): void => void waiting.set(toolName, (waiting.get(toolName) ?? 0) + more);
  say(`${toolName} waits for a person: ${inboxUrl}/a/${decisionId}`);
  count(1);
  void pending.completed
    .then(
      (done) => say(`${done}; a person said yes${pending.edited === undefined ? '' : ` and edited ${pending.edited.join(', ')}`}`),
      (error: unknown) => say(`${toolName} did not run: ${(error as Error).message}`),
    )
    .finally(() => count(-1));
}

for (let round = 1; round <= rounds; round++) for (const step of STEPS[agentId]?.(round) ?? []) if (await ask(step)) await sleep(everyMs);
