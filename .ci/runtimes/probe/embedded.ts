// Decisions by policies in this process.
import { AegisModule, type AegisOptions } from 'aegislib';
import { checkEffects, type Person } from './effects.ts';
import type { Tally } from './Tally.ts';
import { decorated, decoratedByHand, guardedFunctions, type Entered } from './tools.ts';

export const POLICIES: string = `
@id("allow-posting") permit (principal == Aegis::Agent::"probe", action == Aegis::Action::"slack.post", resource);
@id("no-announcements") @reason("only people post there")
forbid (principal, action == Aegis::Action::"slack.post", resource) when { context.input.channel == "#announcements" };
@id("allow-mail") permit (principal, action == Aegis::Action::"mail", resource);
@id("no-addresses") @effect("sanitize") @sanitize("mask_email /body")
forbid (principal, action == Aegis::Action::"mail", resource) when { context.input.body like "*@*" };
@id("allow-refunds") permit (principal in Aegis::Role::"support", action == Aegis::Action::"refund", resource);
@id("large-refunds") @effect("approval_needed") @reason("refunds over 100 need a person")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 100 };
`;

export const EMBEDDED: AegisOptions = { agentId: 'probe', agents: { probe: { roles: ['support'] } }, policies: { text: POLICIES } };

export async function probeEmbedded(tally: Tally): Promise<void> {
  for (const [where, make] of Object.entries({ decorated, decoratedByHand, guardedFunctions })) {
    const aegis = AegisModule.create(EMBEDDED);
    const entered: Entered = [];
    await checkEffects(`embedded, ${where}`, make(aegis, entered), entered, atDesk(aegis), tally);
    await aegis.close();
  }
}

function atDesk({ approvals }: AegisModule): Person {
  return {
    async approve(decisionId) {
      const request = await approvals.get(decisionId);
      if (request === undefined) throw new Error('the desk does not know it');
      await approvals.approve(decisionId, { by: 'ann', digest: request.digest });
    },
    async refuse(decisionId) {
      await approvals.deny(decisionId, { by: 'ann' });
    },
  };
}
