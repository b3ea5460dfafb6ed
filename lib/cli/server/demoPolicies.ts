/** The agent of the demo. */
export const DEMO_AGENT = 'shop-agent';

/** The policies of `aegis serve --demo`: one call of the demo's agent for each effect. */
export const DEMO_POLICIES: string = [
  '// The policies of `npx aegis serve --demo`: a shop whose agent answers customers.',
  '@id("shop-tools")',
  `permit (principal == Aegis::Agent::"${DEMO_AGENT}",`,
  '  action in [Aegis::Action::"lookup_order", Aegis::Action::"reply", Aegis::Action::"refund"], resource);',
  '',
  '@id("no-exports") @reason("customer lists never leave the shop")',
  'forbid (principal, action == Aegis::Action::"export_customers", resource);',
  '',
  '@id("no-addresses") @effect("sanitize") @sanitize("mask_email /text") @reason("replies show no e-mail addresses")',
  'forbid (principal, action == Aegis::Action::"reply", resource)',
  'when { context.input has text && context.input.text like "*@*" };',
  '',
  '@id("refunds") @effect("approval_needed") @severity("medium") @reason("a person decides on refunds")',
  'forbid (principal, action == Aegis::Action::"refund", resource);',
].join('\n');
