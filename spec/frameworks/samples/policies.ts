/** What the samples' agents may do: post mail, make small refunds, and larger ones once a person has approved. */
export const POLICIES = `
  @id("allow-tools")
  permit (principal == Aegis::Agent::"support-agent", action, resource);

  @id("huge-refunds") @reason("nobody refunds more than a thousand")
  forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 1000 };

  @id("large-refunds") @effect("approval_needed") @reason("refunds over 100 need a person")
  forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 100 };

  @id("mask-addresses") @effect("sanitize") @sanitize("mask_email /note")
  forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.note like "*@*" };`;
