// What the three programs of this sample share: where the server is, and its policies.
/** The agent that asks. */
export const AGENT = 'shop-agent';

/** The policies of the server; a folder of files in a real one. */
export const POLICIES = `
@id("tools") permit (principal == Aegis::Agent::"shop-agent", action in [Aegis::Action::"reply", Aegis::Action::"refund"], resource);
@id("no-addresses") @effect("sanitize") @sanitize("mask_email /text") @reason("replies show no e-mail addresses")
forbid (principal, action == Aegis::Action::"reply", resource) when { context.input has text && context.input.text like "*@*" };
@id("refunds") @effect("approval_needed") @reason("a person decides on refunds")
forbid (principal, action == Aegis::Action::"refund", resource);
`;
