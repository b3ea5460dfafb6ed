// The policies of the demo: what three agents may do by themselves, and what a person decides.
/** Who may decide what; see `approverGroups` for the people. */
export const POLICIES = `
@id("support-tools")
permit (principal == Aegis::Agent::"support-agent", action in [Aegis::Action::"orders.read", Aegis::Action::"chat.reply", Aegis::Action::"payments.refund"], resource);
@id("billing-tools")
permit (principal == Aegis::Agent::"billing-agent", action == Aegis::Action::"payments.refund", resource);
@id("outreach-tools")
permit (principal == Aegis::Agent::"outreach-agent", action in [Aegis::Action::"crm.read", Aegis::Action::"mail.send"], resource);
@id("ops-tools")
permit (principal == Aegis::Agent::"ops-agent", action in [Aegis::Action::"db.query", Aegis::Action::"db.execute"], resource);

@id("no-exports") @reason("customer lists never leave the shop")
forbid (principal, action == Aegis::Action::"crm.export", resource);

@id("no-addresses") @effect("sanitize") @sanitize("mask_email /text") @reason("replies show no e-mail addresses")
forbid (principal, action == Aegis::Action::"chat.reply", resource) when { context.input.text like "*@*" };

@id("large-refunds") @effect("approval_needed") @severity("medium") @reason("Refunds over 100 need a person")
forbid (principal, action == Aegis::Action::"payments.refund", resource) when { context.input.amount > 100 };

@id("external-mail") @effect("approval_needed") @severity("high") @reason("Mail to people outside acme.example is read first")
forbid (principal, action == Aegis::Action::"mail.send", resource) unless { context.input.to like "*@acme.example" };

@id("schema-changes") @effect("approval_needed") @severity("critical") @reason("A person decides on every statement that changes the production database")
forbid (principal, action == Aegis::Action::"db.execute", resource);
`;
