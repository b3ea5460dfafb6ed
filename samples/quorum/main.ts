// Several people for one call: two finance leads, and somebody from legal who is neither of them. One of them leaves before it runs, so that another one has to say
// yes; no one is counted twice, and one no is enough.
import { AegisModule, guard, VerdictError } from 'aegislib';
import type { DirectoryPerson } from 'aegislib/decision';
import { show } from '../show.js';

const person = (id: string, ...groups: readonly string[]): DirectoryPerson => ({ id, name: id, ids: [id], groups, groupsFrom: 'hr' });
const people = new Map(
  [
    person('ann', 'finance-leads'),
    person('bob', 'finance-leads', 'legal'),
    person('eve', 'finance-leads'),
    person('lea', 'legal'),
    person('max', 'managers'),
  ].map((one) => [one.id, one]),
);

const aegis = AegisModule.create({
  policies: {
    text: `@id("all") permit (principal, action, resource);

      @id("two-leads") @effect("approval_needed") @reason("a payment of this size takes two finance leads")
      @approvers("finance-leads") @quorum("2") @escalate("900: managers")
      forbid (principal, action == Aegis::Action::"pay", resource);

      @id("legal") @effect("approval_needed") @reason("legal reads every contract")
      @approvers("legal") @distinct("true")
      forbid (principal, action == Aegis::Action::"pay", resource);`,
  },
  agentId: 'agent',
  directory: { personOf: (id) => people.get(id), hasPeople: () => true },
});

const pay = guard(async (to: string, cents: number) => `paid ${cents} to ${to}`, {
  module: aegis,
  toolName: 'pay',
  params: ['to', 'cents'],
  approval: 'wait',
});

async function ask(to: string): Promise<{
  readonly result: Promise<string>;
  readonly yes: (by: string) => Promise<string>;
  readonly no: (by: string) => Promise<string>;
}> {
  const asked = new Promise<{ readonly decisionId: string; readonly digest: string }>((resolve) => {
    aegis.approvals.once('requested', resolve);
  });
  const result = pay(to, 250_000).catch((error: Error) => error.message);
  const { decisionId, digest } = await asked;
  const say = async (verdict: 'approve' | 'deny', by: string): Promise<string> => {
    try {
      return (await aegis.approvals[verdict](decisionId, { by, digest })).status;
    } catch (error) {
      if (error instanceof VerdictError) return error.code;
      throw error;
    }
  };
  return { result, yes: (by) => say('approve', by), no: (by) => say('deny', by) };
}

const first = await ask('Acme');
show('ann', 'green', await first.yes('ann'));
show('ann', 'yellow', await first.yes('ann'));
show('max', 'yellow', await first.yes('max'));
// he is a lead and in legal: he takes one seat, and which one is open until all have theirs
show('bob', 'green', await first.yes('bob'));
people.delete('ann');
show('lea', 'green', await first.yes('lea'));
show('eve', 'green', await first.yes('eve'));
show('paid', 'cyan', await first.result);

const second = await ask('Umbrella');
show('bob', 'green', await second.yes('bob'));
show('lea', 'red', await second.no('lea'));
show('refused', 'red', await second.result);
await aegis.close();
