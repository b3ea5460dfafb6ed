// The three agents of the demo, each in a process of its own: harmless calls, risky ones, and hostile ones that somebody wrote into what the agent read.
import { AegisModule, guard, isPending, type Guarded } from 'aegislib';
import { setTimeout as sleep } from 'node:timers/promises';
import { show } from '../show.js';
import { HOSTILE_MAIL } from './hostileMail.js';

type Step = () => Promise<Guarded<string> | undefined>;
type Colour = Parameters<typeof show>[1];

const [agentId = '', baseUrl = ''] = process.argv.slice(2);
const COLOURS: Readonly<Record<string, Colour>> = { 'support-agent': 'cyan', 'outreach-agent': 'yellow', 'ops-agent': 'magenta' };
const everyMs = Number(process.env['DEMO_EVERY_MS'] ?? 3_000);
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

const waiting = new Set<string>();
/** The same refund for one customer after another: what a grant is for. While one waits for a person, no other is asked for. */
const refundRecalled: Step = async () =>
  waiting.has('payments.refund') ? undefined : refund('recall-77', 250, 'The kettle is recalled; the customer sent it back.');

const STEPS: Readonly<Record<string, (round: number) => readonly Step[]>> = {
  'support-agent': (round) => [
    () => readOrder(`A-${1040 + round}`),
    () => reply('Write to ann@acme.example if it does not arrive.'),
    refundRecalled,
    refundRecalled,
    () => refund(`A-${1040 + round}`, 20, 'Late delivery.'),
    () => exportAll('csv'),
  ],
  'outreach-agent': (round) => [
    () => sendMail('ann@acme.example', 'Weekly figures', 'All is well.'),
    () =>
      sendMail(...(round % 2 === 1 ? HOSTILE_MAIL : (['lee@partner.example', 'Your question', 'The new catalogue is attached.'] as const))),
  ],
  'ops-agent': (round) => [
    () => query('select count(*) from orders'),
    () => execute(`ALTER TABLE orders ADD COLUMN note_${round} text`, 'shop-production'),
  ],
};

async function ask(step: Step): Promise<void> {
  try {
    grantId = undefined;
    const result = await step();
    if (result === undefined) return;
    if (!isPending(result)) return say(`${result}${coverage()}`);
    say(`${result.toolName} waits for a person`);
    waiting.add(result.toolName);
    // the agent goes on; what becomes of the call is said when it is known
    void result.completed
      .then(
        (done) => say(`${done}; a person said yes${result.edited === undefined ? '' : ` and edited ${result.edited.join(', ')}`}`),
        (error: unknown) => say(`${result.toolName} did not run: ${(error as Error).message}`),
      )
      .finally(() => waiting.delete(result.toolName));
  } catch (error) {
    say((error as Error).message);
  }
}

for (let round = 1; round <= rounds; round++)
  for (const step of STEPS[agentId]?.(round) ?? []) {
    await ask(step);
    await sleep(everyMs);
  }
